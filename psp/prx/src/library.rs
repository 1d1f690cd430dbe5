//! What is known of the firmware's libraries: which of them are there when a module loads, and
//! which of their functions take more arguments than the compiler and the firmware agree about. This
//! is the one place that says so; who imports from a new library adds it here.

/// When a library is there to link with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Presence {
    /// From the start: the kernel's, and those that it has loaded before any game.
    Always,
    /// Once the program has asked for it, by `sceUtilityLoadModule`, `LoadAvModule` or
    /// `LoadNetModule`. An import that is not weak keeps the whole program from loading.
    Later,
}

/// A library, and how to import from it.
#[derive(Clone, Copy, Debug)]
pub struct Library {
    /// As it is exported, `sceAudio`.
    pub name: &'static str,
    /// When it is there.
    pub presence: Presence,
    /// The flags that an entry has to have. `0x0001` is a user library, `0x4000` one of the kernel,
    /// reached by system calls, `0x0008` one that may be missing.
    pub flags: u16,
}

/// The flag of an import that does not keep the module from loading.
pub const WEAK: u16 = 0x0008;

const fn always(name: &'static str, flags: u16) -> Library {
    assert!(flags & WEAK == 0);
    Library { name, presence: Presence::Always, flags }
}

const fn later(name: &'static str, flags: u16) -> Library {
    assert!(flags & WEAK != 0);
    Library { name, presence: Presence::Later, flags }
}

/// All libraries that may be imported. The flags are those of the psp crate 0.3.12, which has them
/// from pspsdk, but where a comment says otherwise.
pub const LIBRARIES: &[Library] = &[
    always("InterruptManager", 0x4000),
    always("IoFileMgrForUser", 0x4001),
    always("Kernel_Library", 0x0001),
    always("LoadExecForUser", 0x4001),
    always("ModuleMgrForUser", 0x4001),
    always("StdioForUser", 0x4001),
    always("SysMemUserForUser", 0x4000),
    always("ThreadManForUser", 0x4001),
    always("UtilsForUser", 0x4001),
    always("sceAudio", 0x4001),
    always("sceCtrl", 0x4001),
    always("sceDisplay", 0x4001),
    always("sceGe_user", 0x4001),
    always("sceHprm", 0x4001),
    always("sceOpenPSID", 0x4001),
    always("scePower", 0x4001),
    always("sceReg", 0x4001),
    always("sceRtc", 0x4001),
    always("sceSuspendForUser", 0x4000),
    always("sceUmdUser", 0x4001),
    always("sceUtility", 0x4001),
    always("sceUtility_netparam_internal", 0x4001),
    always("sceWlanDrv", 0x4001),
    always("sceWlanDrv_lib", 0x4001),
    // PSP_MODULE_AV_AVCODEC and the modules that go on top of it.
    later("sceAtrac3plus", 0x0009),
    later("sceAudiocodec", 0x4009),
    later("sceMp3", 0x0009),
    later("sceMpeg", 0x0009),
    later("sceMpegbase", 0x0009),
    // Strong in the psp crate, with which nothing would load.
    later("scePsmf", 0x4009),
    later("scePsmfPlayer", 0x4009),
    later("sceVideocodec", 0x4009),
    // PSP_MODULE_NET_COMMON, PSP_MODULE_NET_INET and those for HTTP.
    later("sceHttp", 0x0009),
    later("sceNet", 0x0009),
    later("sceNetApctl", 0x0009),
    later("sceNetInet", 0x0009),
    later("sceNetResolver", 0x0009),
    later("sceSsl", 0x0009),
    // PSP_MODULE_USB_CAM and the rest of what is loaded for one use.
    later("sceJpeg", 0x0009),
    later("sceLibFont", 0x0009),
];

/// The library of that name.
pub fn library(name: &str) -> Option<&'static Library> {
    LIBRARIES.iter().find(|library| library.name == name)
}

/// A function that takes five words of arguments or more. The compiler follows O32, which puts the
/// fifth and what follows on the stack; the firmware follows EABI and looks for them in `$t0` to
/// `$t3`. Something has to move them.
#[derive(Clone, Copy, Debug)]
pub struct Wide {
    /// Whose it is.
    pub library: &'static str,
    /// The hash of its name.
    pub nid: u32,
    /// What it is called.
    pub name: &'static str,
    /// Whether the psp crate moves the words. Our own imports have to in any case.
    pub adapted: bool,
}

const fn adapted(library: &'static str, nid: u32, name: &'static str) -> Wide {
    Wide { library, nid, name, adapted: true }
}

const fn broken(library: &'static str, nid: u32, name: &'static str) -> Wide {
    Wide { library, nid, name, adapted: false }
}

/// All functions of such width in [`LIBRARIES`] that the psp crate 0.3.12 declares, by the number
/// of words in its declarations, and those that it does not know.
pub const WIDE: &[Wide] = &[
    adapted("IoFileMgrForUser", 0xb2a6_28c1, "sceIoAssign"),
    adapted("IoFileMgrForUser", 0x54f5_fb11, "sceIoDevctl"),
    adapted("IoFileMgrForUser", 0x6363_2449, "sceIoIoctl"),
    adapted("IoFileMgrForUser", 0xe95a_012b, "sceIoIoctlAsync"),
    adapted("IoFileMgrForUser", 0x27eb_27b8, "sceIoLseek"),
    adapted("IoFileMgrForUser", 0x71b1_9e77, "sceIoLseekAsync"),
    broken("ModuleMgrForUser", 0x50f0_c1ec, "sceKernelStartModule"),
    broken("ModuleMgrForUser", 0xd1ff_982a, "sceKernelStopModule"),
    adapted("sceAtrac3plus", 0x6a8c_3cd5, "sceAtracDecodeData"),
    broken("sceHttp", 0x8eef_d953, "sceHttpCreateConnection"),
    broken("sceHttp", 0x4734_7b50, "sceHttpCreateRequest"),
    broken("sceHttp", 0xb509_b09e, "sceHttpCreateRequestWithURL"),
    broken("sceHttp", 0xd70d_4847, "sceHttpGetProxy"),
    broken("sceHttp", 0xf0f4_6c62, "sceHttpSetProxy"),
    adapted("sceMpeg", 0x0e3c_2e9d, "sceMpegAvcDecode"),
    adapted("sceMpeg", 0xd8c5_f121, "sceMpegCreate"),
    adapted("sceMpeg", 0x3729_5ed8, "sceMpegRingbufferConstruct"),
    broken("sceNet", 0x39af_39a6, "sceNetInit"),
    adapted("sceNetInet", 0x4a11_4c7c, "sceNetInetGetsockopt"),
    adapted("sceNetInet", 0xc911_42e4, "sceNetInetRecvfrom"),
    broken("sceNetInet", 0x5be8_d595, "sceNetInetSelect"),
    adapted("sceNetInet", 0x0503_8fc7, "sceNetInetSendto"),
    adapted("sceNetInet", 0x2fe7_1fe7, "sceNetInetSetsockopt"),
    broken("sceNetResolver", 0x629e_2fb7, "sceNetResolverStartAtoN"),
    broken("sceNetResolver", 0x224c_5f44, "sceNetResolverStartNtoA"),
    adapted("SysMemUserForUser", 0x237d_bd4f, "sceKernelAllocPartitionMemory"),
    broken("ThreadManForUser", 0xc07b_b470, "sceKernelCreateFpl"),
    broken("ThreadManForUser", 0x19cf_f145, "sceKernelCreateLwMutex"),
    broken("ThreadManForUser", 0x7c0d_c2a0, "sceKernelCreateMsgPipe"),
    broken("ThreadManForUser", 0xd6da_4ba1, "sceKernelCreateSema"),
    adapted("ThreadManForUser", 0x446d_8de6, "sceKernelCreateThread"),
    broken("ThreadManForUser", 0x56c0_39b5, "sceKernelCreateVpl"),
    broken("ThreadManForUser", 0x7482_9b76, "sceKernelReceiveMsgPipe"),
    broken("ThreadManForUser", 0xfbfa_697d, "sceKernelReceiveMsgPipeCB"),
    broken("ThreadManForUser", 0x0c10_6e53, "sceKernelRegisterThreadEventHandler"),
    broken("ThreadManForUser", 0x876d_bfad, "sceKernelSendMsgPipe"),
    broken("ThreadManForUser", 0x7c41_f2c2, "sceKernelSendMsgPipeCB"),
    broken("ThreadManForUser", 0x53b0_0e9a, "sceKernelSetVTimerHandlerWide"),
    broken("ThreadManForUser", 0xdf52_098f, "sceKernelTryReceiveMsgPipe"),
    broken("ThreadManForUser", 0x884c_9f90, "sceKernelTrySendMsgPipe"),
    broken("ThreadManForUser", 0x402f_cf22, "sceKernelWaitEventFlag"),
    broken("ThreadManForUser", 0x328c_546a, "sceKernelWaitEventFlagCB"),
];

/// The function, if it is that wide.
pub fn wide(library: &str, nid: u32) -> Option<&'static Wide> {
    WIDE.iter().find(|wide| wide.nid == nid && wide.library == library)
}

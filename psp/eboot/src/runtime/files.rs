//! Files on the Memory Stick, in the folder that the program was started from. Whole small ones are
//! read at once, up to a length that the caller names; others are written piece by piece.

use alloc::string::String;
use alloc::vec::Vec;
use core::cell::UnsafeCell;
use core::fmt;

use psp::sys::{self, IoOpenFlags, IoWhence, SceUid};

/// The longest path that the firmware takes, its final zero included.
const PATH_BYTES: usize = 256;

/// `SCE_KERNEL_ERROR_ERRNO_FILE_NOT_FOUND`: there is no such file.
const NOT_FOUND: i32 = 0x8001_0002_u32.cast_signed();

/// Why a file could not be read or written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FileError {
    /// There is none of that name.
    NotFound,
    /// Its name is too long for the firmware.
    Name,
    /// It is longer than the caller reads.
    TooLong {
        /// Its length in bytes.
        bytes: u64,
        /// The most that is read.
        limit: usize,
    },
    /// The firmware's own code: no Memory Stick, a full one, a protected one.
    Firmware(i32),
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("it is not there"),
            Self::Name => write!(f, "its name is longer than {} bytes", PATH_BYTES - 1),
            Self::TooLong { bytes, limit } => {
                write!(f, "it has {bytes} bytes, and {limit} are the most that is read")
            }
            Self::Firmware(code) => write!(
                f,
                "the Memory Stick gave error {code:#010x} (is it there, writable and not full?)"
            ),
        }
    }
}

/// The folder's path with its final slash, ended by a zero.
struct Folder(UnsafeCell<[u8; PATH_BYTES]>);

// SAFETY: written once, before there is a second thread.
unsafe impl Sync for Folder {}

static FOLDER: Folder = Folder(UnsafeCell::new([0; PATH_BYTES]));

/// Remembers the folder of the program, which the firmware names in the main thread's argument.
///
/// # Safety
/// The argument has to be that of the main thread, and no other thread may run yet.
pub unsafe fn remember_folder(bytes: usize, argument: *const u8) {
    if argument.is_null() {
        return;
    }
    // SAFETY: the caller's, and the firmware's.
    let (argument, folder) =
        unsafe { (core::slice::from_raw_parts(argument, bytes), &mut *FOLDER.0.get()) };
    let path = argument.split(|&byte| byte == 0).next().unwrap_or_default();
    let len = path.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
    if len < PATH_BYTES {
        folder[..len].copy_from_slice(&path[..len]);
    }
}

/// The program's folder, with its final slash: `ms0:/PSP/GAME/TESTCARD/`.
pub fn folder() -> &'static str {
    // SAFETY: nobody writes to it any more.
    let folder = unsafe { &*FOLDER.0.get() };
    let len = folder.iter().position(|&byte| byte == 0).unwrap_or(0);
    core::str::from_utf8(&folder[..len]).unwrap_or_default()
}

/// A path for the firmware: ended by a zero, on no heap, because a panic needs one too.
struct Path([u8; PATH_BYTES]);

impl Path {
    fn new(name: &str) -> Result<Self, FileError> {
        let (folder, mut path) = (folder(), [0; PATH_BYTES]);
        let len = folder.len() + name.len();
        if len >= PATH_BYTES || name.as_bytes().contains(&0) {
            return Err(FileError::Name);
        }
        path[..folder.len()].copy_from_slice(folder.as_bytes());
        path[folder.len()..len].copy_from_slice(name.as_bytes());
        Ok(Self(path))
    }
}

/// An open file.
pub struct File(SceUid);

impl File {
    fn open(name: &str, flags: IoOpenFlags) -> Result<Self, FileError> {
        let path = Path::new(name)?;
        // SAFETY: the path ends with a zero.
        let file = unsafe { sys::sceIoOpen(path.0.as_ptr(), flags, 0o666) };
        match file.0 {
            NOT_FOUND => Err(FileError::NotFound),
            code if code < 0 => Err(FileError::Firmware(code)),
            _ => Ok(Self(file)),
        }
    }

    /// A new, empty file in the program's folder, instead of any of that name.
    pub fn create(name: &str) -> Result<Self, FileError> {
        Self::open(name, IoOpenFlags::WR_ONLY | IoOpenFlags::CREAT | IoOpenFlags::TRUNC)
    }

    /// A file to be added to at its end; a new one if there is none.
    pub fn append(name: &str) -> Result<Self, FileError> {
        Self::open(name, IoOpenFlags::WR_ONLY | IoOpenFlags::CREAT | IoOpenFlags::APPEND)
    }

    /// Writes all these bytes.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), FileError> {
        while !bytes.is_empty() {
            // SAFETY: the firmware reads these bytes.
            let taken = unsafe { sys::sceIoWrite(self.0, bytes.as_ptr().cast(), bytes.len()) };
            match usize::try_from(taken) {
                Ok(taken @ 1..) => bytes = bytes.get(taken..).unwrap_or_default(),
                _ => return Err(FileError::Firmware(taken)),
            }
        }
        Ok(())
    }

    fn length(&self) -> Result<u64, FileError> {
        // SAFETY: takes numbers.
        let (end, start) = unsafe {
            let end = sys::sceIoLseek(self.0, 0, IoWhence::End);
            (end, sys::sceIoLseek(self.0, 0, IoWhence::Set))
        };
        // The firmware's codes are negative numbers of 32 bits.
        u64::try_from(end.min(start.min(0) + end)).map_err(|_| FileError::Firmware(end as i32))
    }

    /// Reads up to so many bytes from where the last read ended; 0 at the end of the file.
    pub fn read(&mut self, buf: &mut [u8]) -> Result<usize, FileError> {
        let wanted = u32::try_from(buf.len()).unwrap_or(u32::MAX);
        // SAFETY: the firmware writes no more than that.
        let got = unsafe { sys::sceIoRead(self.0, buf.as_mut_ptr().cast(), wanted) };
        usize::try_from(got).map_err(|_| FileError::Firmware(got))
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // SAFETY: nobody else has it.
        unsafe { sys::sceIoClose(self.0) };
    }
}

/// Opens a file of the program's folder to be read piece by piece; its length in bytes comes along.
pub fn open(name: &str) -> Result<(File, u64), FileError> {
    let file = File::open(name, IoOpenFlags::RD_ONLY)?;
    let length = file.length()?;
    Ok((file, length))
}

/// A whole file of the program's folder, if it has no more than `limit` bytes.
pub fn read(name: &str, limit: usize) -> Result<Vec<u8>, FileError> {
    let (mut file, bytes) = open(name)?;
    let length = usize::try_from(bytes).ok().filter(|&length| length <= limit);
    let length = length.ok_or(FileError::TooLong { bytes, limit })?;
    let mut contents = alloc::vec![0; length];
    let mut have = 0;
    while have < length {
        match file.read(&mut contents[have..])? {
            0 => break,
            got => have += got.min(length - have),
        }
    }
    contents.truncate(have);
    Ok(contents)
}

/// A whole text file of the program's folder; what is no UTF-8 in it is replaced.
pub fn read_text(name: &str, limit: usize) -> Result<String, FileError> {
    Ok(String::from_utf8_lossy(&read(name, limit)?).into_owned())
}

/// Gives a file another name, instead of any file that has it.
pub fn rename(from: &str, to: &str) -> Result<(), FileError> {
    let (from, to) = (Path::new(from)?, Path::new(to)?);
    // SAFETY: both paths end with a zero.
    let code = unsafe {
        sys::sceIoRemove(to.0.as_ptr());
        sys::sceIoRename(from.0.as_ptr(), to.0.as_ptr())
    };
    match code {
        NOT_FOUND => Err(FileError::NotFound),
        code if code < 0 => Err(FileError::Firmware(code)),
        _ => Ok(()),
    }
}

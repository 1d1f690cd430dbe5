//! Whatever the network does and however small the window is: what the viewer asserts all the while
//! holds (see `testcard_sim::viewer::Violation`), and once the network is well again, playing goes on.

use proptest::prelude::*;
use testcard_archive::{CutKind, Detour, Fault, Place, Rule, When};
use testcard_core::stream::{Limits, ProgrammeFailure};

use super::*;

/// How long things go wrong.
const TROUBLE_SECONDS: u64 = 30;

/// How long after that a set may take to notice: a head that is due, a pause, a long prebuffer.
const RECOVERY_SECONDS: u64 = 50;

fn cut_kind() -> impl Strategy<Value = CutKind> {
    prop_oneof![Just(CutKind::Close), Just(CutKind::Reset), Just(CutKind::Stall)]
}

/// What another node or a later try may heal.
fn fault() -> impl Strategy<Value = Fault> {
    let status = prop_oneof![Just(401_u16), Just(403), Just(410), Just(500), Just(502)];
    prop_oneof![
        status.prop_map(|status| Fault::Status { status, retry_after: None }),
        (1_u32..20).prop_map(|s| Fault::Status { status: 503, retry_after: Some(s) }),
        (0_u64..30_000_000).prop_map(Fault::Delay),
        // Not slower than the film: an exchange under way outlasts the trouble.
        (120_000_u64..500_000).prop_map(Fault::Pace),
        cut_kind().prop_map(Fault::NoAnswer),
        (0_u64..3_000_000, cut_kind()).prop_map(|(after, how)| Fault::Cut(after, how)),
        Just(Fault::RangeIgnored),
        (1_u64..100_000).prop_map(Fault::RangeShifted),
        Just(Fault::Redirect(Detour::Relative)),
    ]
}

pub(super) fn rule() -> impl Strategy<Value = Rule> {
    let when = prop_oneof![
        (0_u64..6, 1_u64..4).prop_map(|(first, count)| When::Requests(first..first + count)),
        (1_u16..600).prop_map(When::PerMille),
    ];
    let place = prop_oneof![Just(Place::Download), Just(Place::Node)];
    (place, when, fault()).prop_map(|(place, when, fault)| Rule { place, when, fault })
}

fn session() -> impl Strategy<Value = Scene> {
    let layout = prop_oneof![Just(Layout::MoovFirst), Just(Layout::MoovLast)];
    let way = (20_000_u64..3_000_000, 1_u64..400);
    let position = MediaTime::from_millis(200_000);
    let aim =
        prop_oneof![Just(Aim::At(position)), Just(Aim::Live { when: Instant::ZERO, position }),];
    let window = prop_oneof![1_usize..600_000, 600_000_usize..16 << 20];
    let rules = proptest::collection::vec(rule(), 0..4);
    let token_seconds = 1_u64..90;
    (layout, way, aim, window, rules, token_seconds, any::<u64>()).prop_map(
        |(layout, (rate, round_trip_ms), aim, window_bytes, rules, token_seconds, seed)| {
            let film = FilmSpec::new(600_000, layout).with_bytes(60_000_000);
            Scene {
                limits: Limits { window_bytes, ..Limits::DESKTOP },
                rules,
                token_life: Some(Duration::from_secs(token_seconds)),
                seed,
                ..Scene::new(film, link(rate, round_trip_ms), aim)
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn throttle_and_starvation_never_hold_together_and_playing_goes_on_when_trouble_is_over(
        session in session(),
        unplugged in proptest::option::of((0_u64..TROUBLE_SECONDS, 1_u64..20)),
    ) {
        let mut viewer = Screening::start(session);
        if let Some((from, length)) = unplugged {
            viewer.watch_until(seconds(from));
            viewer.change_world("unplugged", |heap| heap.unplug());
            viewer.watch_until(seconds(from + length));
            viewer.change_world("plugged in", |heap| heap.plug_in());
        }
        viewer.watch_until(seconds(TROUBLE_SECONDS + 20));
        prop_assert!(most_requests_in_ten_seconds(&viewer) <= 20, "{}", viewer.timeline());
        viewer.change_world("well again", |heap| {
            heap.set_rules(Vec::new());
            heap.set_rate(1_000_000);
        });
        let well = TROUBLE_SECONDS + 20 + RECOVERY_SECONDS;
        viewer.watch_until(seconds(well));
        let shown = viewer.figures().shown;
        viewer.watch_until(seconds(well + 20));
        match viewer.failure() {
            Some(failure) => {
                let gave_up = matches!(failure, ProgrammeFailure::GaveUp(_));
                prop_assert!(gave_up, "{failure}\n{}", viewer.timeline());
            }
            None => {
                let shown = viewer.figures().shown - shown;
                prop_assert!(shown > 18 * 30, "{shown} in 20 s\n{}", viewer.timeline());
            }
        }
    }
}

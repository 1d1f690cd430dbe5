//! How watching a film ends, and what is left out of it.

use testcard_core::playback::Part;

use super::*;

fn count(viewer: &Screening, is: impl Fn(&Event) -> bool) -> usize {
    viewer.timeline().events().filter(|(_, event)| is(event)).count()
}

#[test]
fn a_film_plays_to_its_last_sample_and_leaves_no_exchange_open() {
    let spec = FilmSpec::new(60_000, Layout::MoovFirst);
    let viewer = watch(Scene::new(spec, good_link(), Aim::At(MediaTime::ZERO)), seconds(70));
    assert_eq!(count(&viewer, |event| *event == Event::Ended), 1);
    assert_eq!(viewer.heap().open_exchanges(), 0);
    let figures = viewer.figures();
    assert_eq!(figures.samples.0, viewer.film().pictures());
    assert_eq!(figures.shown, viewer.film().pictures());
    assert_eq!((figures.rebuffers, figures.late), (0, 0));
}

#[test]
fn zapping_ends_every_exchange_at_whatever_moment() {
    for millis in (0..4000).step_by(37) {
        let mut viewer =
            Screening::start(Scene::new(film(Layout::MoovLast), good_link(), from_900_s()));
        viewer.watch_until(Instant::from_micros(millis * 1000));
        viewer.zap();
        assert_eq!(viewer.heap().open_exchanges(), 0, "after {millis} ms");
        let opened = count(&viewer, |event| matches!(event, Event::Opened { .. }));
        let closed = count(&viewer, |event| matches!(event, Event::Closed { .. }));
        assert_eq!(opened, closed, "after {millis} ms:\n{}", viewer.timeline());
    }
}

#[test]
fn a_refused_part_is_noticed_and_the_other_plays_on() {
    for (part, notice) in [
        (Part::Picture, "The picture cannot be shown: this set has no decoder for it"),
        (Part::Sound, "The sound cannot be heard: this set has no decoder for it"),
    ] {
        let session = Scene::new(film(Layout::MoovFirst), good_link(), from_900_s());
        let viewer = watch(Scene { refused: Some(part), ..session }, seconds(60));
        assert!(viewer.is_playing());
        assert_eq!(count(&viewer, |e| matches!(e, Event::Noticed { notice: n } if n == notice)), 1);
        let (pictures, sounds) = viewer.figures().samples;
        assert_eq!((pictures == 0, sounds == 0), (part == Part::Picture, part == Part::Sound));
        assert_eq!((viewer.figures().rebuffers, viewer.figures().late), (0, 0));
        let played = viewer.position().micros_since(MediaTime::from_millis(900_000));
        assert!(played > 56_000_000, "{played}");
    }
}

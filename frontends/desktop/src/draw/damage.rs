//! Which parts of the canvas a new view changes. What is drawn again is what differs, all of it and
//! nothing else: a page that scrolls leaves the words above it alone.

use testcard_core::guide::{Element, Layout, Part, Rect, View};

/// What is drawn together.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Surface {
    Card,
    Sound,
    /// The ground of the guide.
    Page,
    /// The guide's words about one programme.
    About,
    /// The guide's grid.
    Hours,
    Banner,
    Entry,
    Volume,
    Offline,
    Muted,
    Notice,
    Subtitle,
    Health,
}

const SURFACES: [Surface; 13] = [
    Surface::Card,
    Surface::Sound,
    Surface::Page,
    Surface::About,
    Surface::Hours,
    Surface::Banner,
    Surface::Entry,
    Surface::Volume,
    Surface::Offline,
    Surface::Muted,
    Surface::Notice,
    Surface::Subtitle,
    Surface::Health,
];

impl Surface {
    /// The surface that a part is drawn on; `None` for the picture, which is not drawn.
    fn of(part: Part) -> Option<Self> {
        Some(match part {
            Part::Picture => return None,
            Part::Page => Self::Page,
            Part::GridDay | Part::Tick(_) | Part::Rows | Part::Now | Part::PageScroll => {
                Self::Hours
            }
            Part::Card => Self::Card,
            Part::Sound => Self::Sound,
            Part::Banner => Self::Banner,
            Part::Entry => Self::Entry,
            Part::Volume => Self::Volume,
            Part::OfflineBadge => Self::Offline,
            Part::MutedBadge => Self::Muted,
            Part::Notice => Self::Notice,
            Part::Subtitle => Self::Subtitle,
            Part::Health => Self::Health,
            part => match part.parent()? {
                Part::Page => Self::About,
                parent => return Self::of(parent),
            },
        })
    }

    /// Whether two views have the same words and figures there.
    fn is_same(self, a: &View, b: &View) -> bool {
        match self {
            Self::Card => a.card == b.card,
            Self::Sound => a.sound == b.sound,
            Self::Page => a.guide.is_some() == b.guide.is_some(),
            Self::About => {
                let words = |view: &View| {
                    let grid = view.guide.as_ref();
                    grid.map(|grid| (grid.about.clone(), grid.note.clone(), grid.clock.clone()))
                };
                words(a) == words(b)
            }
            Self::Hours => match (&a.guide, &b.guide) {
                (Some(a), Some(b)) => {
                    (&a.day, &a.ticks, &a.rows, a.above, a.below)
                        == (&b.day, &b.ticks, &b.rows, b.above, b.below)
                }
                (a, b) => a.is_none() && b.is_none(),
            },
            Self::Banner => a.banner == b.banner,
            Self::Entry => a.entry == b.entry,
            Self::Volume => a.volume == b.volume,
            Self::Offline | Self::Muted => true,
            Self::Notice => a.notice == b.notice,
            Self::Subtitle => a.subtitle == b.subtitle,
            Self::Health => a.health == b.health,
        }
    }
}

/// What has to be drawn again, and may be uploaded alone. Nothing of it lies within another.
pub(super) fn damage(before: (&View, &Layout), after: (&View, &Layout)) -> Vec<Rect> {
    let mut damage: Vec<Rect> = Vec::new();
    for surface in SURFACES {
        let on = move |element: &&Element| Surface::of(element.part) == Some(surface);
        let (old, new) = (before.1.elements(), after.1.elements());
        let is_placed_the_same = old.iter().filter(on).eq(new.iter().filter(on));
        if is_placed_the_same && surface.is_same(before.0, after.0) {
            continue;
        }
        let places = old.iter().chain(new).filter(on).map(|element| element.rect);
        let Some(around) = places.reduce(union) else { continue };
        if damage.iter().all(|other| other.intersection(around) != around) {
            damage.retain(|other| around.intersection(*other) != *other);
            damage.push(around);
        }
    }
    damage
}

/// The smallest rectangle around both.
fn union(a: Rect, b: Rect) -> Rect {
    let (x, y) = (a.x.min(b.x), a.y.min(b.y));
    let right = (a.x + a.width).max(b.x + b.width);
    let bottom = (a.y + a.height).max(b.y + b.height);
    Rect { x, y, width: right - x, height: bottom - y }
}

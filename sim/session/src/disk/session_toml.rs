//! `session.toml`: what a session is and what was watched in it.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use serde::Deserialize;
use testcard_core::playback::Aim;
use testcard_core::stream::{Limits, Patience};
use testcard_core::time::Instant;
use toml::Spanned;

use super::text::{Toml, toml_string};
use crate::about::{About, End, Fixture, Provenance, Token, Tune, Viewing};
use crate::bounds::{FIXTURES_MAX, SCHEMA, SENTENCE_MAX, TOKENS_MAX, TUNES_MAX};
use crate::error::{Flaw, ReadErrorKind};
use crate::film::Films;

/// The one field that every schema has.
#[derive(Deserialize)]
struct SchemaText {
    schema: Spanned<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SessionText {
    #[serde(rename = "schema")]
    _schema: i64,
    title: Spanned<String>,
    provenance: Spanned<ProvenanceText>,
    set: SetText,
    #[serde(default)]
    tune: Vec<Spanned<TuneText>>,
    end: EndText,
    #[serde(default)]
    token: Vec<Spanned<TokenText>>,
    #[serde(default)]
    fixture: Vec<Spanned<FixtureText>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProvenanceText {
    kind: String,
    at: Option<String>,
    by: Option<String>,
    from: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetText {
    window_bytes: Spanned<i64>,
    index_bytes: Spanned<i64>,
    tries: Option<Spanned<i64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TuneText {
    t: Spanned<i64>,
    url: Spanned<String>,
    position_us: Spanned<i64>,
    #[serde(default)]
    live: bool,
    when_us: Option<Spanned<i64>>,
    duration_us: Option<Spanned<i64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndText {
    t: Spanned<i64>,
    position_us: Option<Spanned<i64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenText {
    id: i64,
    seen: Spanned<i64>,
    valid_until: Option<Spanned<i64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FixtureText {
    id: i64,
    film: Spanned<String>,
}

pub(super) fn read(bytes: &[u8], films: &dyn Films) -> Result<About, Flaw> {
    let toml = Toml::new(bytes)?;
    let SchemaText { schema } = toml.parse()?;
    match *schema.get_ref() {
        newer if newer > i64::from(SCHEMA) => {
            return Err(Flaw {
                line: Some(toml.line(&schema)),
                kind: ReadErrorKind::Newer,
                what: format!(
                    "the session has schema {newer} and this program knows {SCHEMA}; use a newer one"
                ),
            });
        }
        1 => {}
        other => {
            let what = format!("there never was a schema {other}; it is {SCHEMA}");
            return Err(Flaw::malformed(toml.line(&schema), what));
        }
    }
    let text: SessionText = toml.parse()?;
    toml.sentence("title", text.title.get_ref(), toml.line(&text.title))?;
    let tries = text.set.tries.as_ref().map(|tries| {
        u32::try_from(*tries.get_ref()).ok().filter(|tries| *tries > 0).ok_or_else(|| {
            let what = "tries must be from 1 to 2^32 - 1; leave it out for endless patience";
            Flaw::malformed(toml.line(tries), what)
        })
    });
    let window_bytes = toml.number("window_bytes", &text.set.window_bytes)?;
    let limits = Limits {
        window_bytes: usize::try_from(window_bytes).map_err(|_| {
            let what = "window_bytes is more than this machine can address";
            Flaw::too_large(toml.line(&text.set.window_bytes), what)
        })?,
        index_bytes: toml.number("index_bytes", &text.set.index_bytes)?,
        patience: tries.transpose()?.map_or(Patience::Endless, Patience::Tries),
    };
    Ok(About {
        provenance: provenance(&toml, text.provenance)?,
        viewing: Viewing {
            limits,
            tunes: tunes(&toml, &text.tune)?,
            end: End {
                at: toml.time("t", &text.end.t)?,
                position: match &text.end.position_us {
                    None => None,
                    Some(position) => Some(toml.position("position_us", position)?),
                },
            },
        },
        tokens: tokens(&toml, &text.token)?,
        fixtures: fixtures(&toml, &text.fixture, films)?,
        title: text.title.into_inner(),
    })
}

impl Toml<'_> {
    fn sentence(&self, name: &str, text: &str, line: usize) -> Result<(), Flaw> {
        match text.len() {
            0 => Err(Flaw::malformed(line, format!("{name} is empty; write a sentence"))),
            1..=SENTENCE_MAX => Ok(()),
            _ => Err(Flaw::too_large(line, format!("{name} is longer than {SENTENCE_MAX} bytes"))),
        }
    }

    fn count<T>(&self, name: &str, list: &[Spanned<T>], most: usize) -> Result<(), Flaw> {
        match list.get(most) {
            None => Ok(()),
            Some(beyond) => {
                Err(Flaw::too_large(self.line(beyond), format!("more than {most} of [[{name}]]")))
            }
        }
    }

    /// Ids are there for people to see: they count from 1, in order.
    fn id(&self, name: &str, id: i64, index: usize, line: usize) -> Result<(), Flaw> {
        if usize::try_from(id) == Ok(index + 1) {
            return Ok(());
        }
        let what = format!("{name} {} has the id {id}; ids count from 1", index + 1);
        Err(Flaw::inconsistent(line, what))
    }
}

fn provenance(toml: &Toml<'_>, text: Spanned<ProvenanceText>) -> Result<Provenance, Flaw> {
    let line = toml.line(&text);
    let provenance = match text.into_inner() {
        ProvenanceText { kind, at: Some(at), by: Some(by), from: None } if kind == "recorded" => {
            toml.sentence("at", &at, line)?;
            toml.sentence("by", &by, line)?;
            Provenance::Recorded { at, by }
        }
        ProvenanceText { kind, at: None, by: None, from: Some(from) } if kind == "synthetic" => {
            toml.sentence("from", &from, line)?;
            Provenance::Synthetic { from }
        }
        _ => {
            let what = "[provenance] is kind = \"recorded\" with at and by, or kind = \
                        \"synthetic\" with from; say where the session comes from";
            return Err(Flaw::malformed(line, what));
        }
    };
    Ok(provenance)
}

fn tunes(toml: &Toml<'_>, list: &[Spanned<TuneText>]) -> Result<Vec<Tune>, Flaw> {
    toml.count("tune", list, TUNES_MAX)?;
    let mut tunes: Vec<Tune> = Vec::with_capacity(list.len());
    for text in list {
        let (line, text) = (toml.line(text), text.get_ref());
        let at = toml.time("t", &text.t)?;
        if tunes.last().is_some_and(|before| before.at > at) {
            let what = "this programme comes before the one above; put them in the order of time";
            return Err(Flaw::inconsistent(toml.line(&text.t), what));
        }
        let position = toml.position("position_us", &text.position_us)?;
        let aim = match (text.live, &text.when_us) {
            (false, None) => Aim::At(position),
            (true, Some(when)) => Aim::Live { when: toml.time("when_us", when)?, position },
            _ => {
                let what = "live = true and when_us go together; give both or neither";
                return Err(Flaw::malformed(line, what));
            }
        };
        let duration = match &text.duration_us {
            Some(micros) => Some(toml.time("duration_us", micros)?.since(Instant::ZERO)),
            None => None,
        };
        tunes.push(Tune { at, url: toml.url(&text.url)?, aim, duration });
    }
    Ok(tunes)
}

fn tokens(toml: &Toml<'_>, list: &[Spanned<TokenText>]) -> Result<Vec<Token>, Flaw> {
    toml.count("token", list, TOKENS_MAX)?;
    let read = |(index, text): (usize, &Spanned<TokenText>)| {
        let (line, text) = (toml.line(text), text.get_ref());
        toml.id("token", text.id, index, line)?;
        let valid_until = text.valid_until.as_ref().map(|at| toml.time("valid_until", at));
        Ok(Token { seen: toml.time("seen", &text.seen)?, valid_until: valid_until.transpose()? })
    };
    list.iter().enumerate().map(read).collect()
}

fn fixtures(
    toml: &Toml<'_>,
    list: &[Spanned<FixtureText>],
    films: &dyn Films,
) -> Result<Vec<Fixture>, Flaw> {
    toml.count("fixture", list, FIXTURES_MAX)?;
    let read = |(index, text): (usize, &Spanned<FixtureText>)| {
        let (line, text) = (toml.line(text), text.get_ref());
        toml.id("fixture", text.id, index, line)?;
        let recipe = text.film.get_ref();
        films.film(recipe).map_err(|what| {
            Flaw::malformed(toml.line(&text.film), format!("the film {recipe:?}: {what}"))
        })
    };
    list.iter().enumerate().map(read).collect()
}

pub(super) fn write(about: &About) -> String {
    let mut out = format!("schema = {SCHEMA}\n");
    // Writing to a string does not fail.
    let _ = write_about(about, &mut out);
    out
}

fn write_about(about: &About, out: &mut String) -> core::fmt::Result {
    writeln!(out, "title = {}", toml_string(&about.title))?;
    writeln!(out, "\n[provenance]")?;
    match &about.provenance {
        Provenance::Recorded { at, by } => {
            writeln!(out, "kind = \"recorded\"")?;
            writeln!(out, "at = {}", toml_string(at))?;
            writeln!(out, "by = {}", toml_string(by))?;
        }
        Provenance::Synthetic { from } => {
            writeln!(out, "kind = \"synthetic\"")?;
            writeln!(out, "from = {}", toml_string(from))?;
        }
    }
    let Viewing { limits, tunes, end } = &about.viewing;
    writeln!(out, "\n[set]")?;
    writeln!(out, "window_bytes = {}", limits.window_bytes)?;
    writeln!(out, "index_bytes = {}", limits.index_bytes)?;
    if let Patience::Tries(tries) = limits.patience {
        writeln!(out, "tries = {tries}")?;
    }
    for Tune { at, url, aim, duration } in tunes {
        writeln!(out, "\n[[tune]]")?;
        writeln!(out, "t = {}", at.as_micros())?;
        writeln!(out, "url = {}", toml_string(url.as_str()))?;
        match aim {
            Aim::At(position) => writeln!(out, "position_us = {}", position.as_micros())?,
            Aim::Live { when, position } => {
                writeln!(out, "position_us = {}", position.as_micros())?;
                writeln!(out, "live = true")?;
                writeln!(out, "when_us = {}", when.as_micros())?;
            }
        }
        if let Some(duration) = duration {
            writeln!(out, "duration_us = {}", duration.as_micros())?;
        }
    }
    writeln!(out, "\n[end]")?;
    writeln!(out, "t = {}", end.at.as_micros())?;
    if let Some(position) = end.position {
        writeln!(out, "position_us = {}", position.as_micros())?;
    }
    for (id, Token { seen, valid_until }) in (1..).zip(&about.tokens) {
        writeln!(out, "\n[[token]]")?;
        writeln!(out, "id = {id}")?;
        writeln!(out, "seen = {}", seen.as_micros())?;
        if let Some(at) = valid_until.map(Instant::as_micros) {
            writeln!(out, "valid_until = {at}")?;
        }
    }
    for (id, Fixture { film_spec, .. }) in (1..).zip(&about.fixtures) {
        writeln!(out, "\n[[fixture]]")?;
        writeln!(out, "id = {id}")?;
        writeln!(out, "film = {}", toml_string(film_spec))?;
    }
    Ok(())
}

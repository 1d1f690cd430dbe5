//! `trace.jsonl`: what the TV did, an event a line: `t`, `ev`, then whatever else, by name.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::{Map, Value};
use testcard_core::time::Instant;

use super::text::{json_complaint, lines};
use crate::bounds::{LINE_MAX, NUMBER_MAX, TRACE_LINES_MAX};
use crate::error::Flaw;
use crate::trace::TraceLine;

pub(super) fn read(bytes: &[u8]) -> Result<Vec<TraceLine>, Flaw> {
    let mut trace: Vec<TraceLine> = Vec::new();
    for (n, text) in lines(bytes, TRACE_LINES_MAX, LINE_MAX)? {
        let mut fields: Map<String, Value> = serde_json::from_str(text)
            .map_err(|error| Flaw::malformed(n, json_complaint(&error)))?;
        let at = match fields.remove("t").as_ref().and_then(Value::as_u64) {
            Some(t) if t <= NUMBER_MAX => Instant::from_micros(t),
            _ => return Err(Flaw::malformed(n, "t is no number of microseconds below 2^53")),
        };
        if !fields.get("ev").is_some_and(Value::is_string) {
            return Err(Flaw::malformed(n, "there is no ev, which says what happened"));
        }
        if trace.last().is_some_and(|before| before.at > at) {
            let what = "this happened before the line above; put them in the order of time";
            return Err(Flaw::inconsistent(n, what));
        }
        trace.push(TraceLine { at, fields });
    }
    Ok(trace)
}

/// The whole file.
pub(crate) fn write(trace: &[TraceLine]) -> String {
    let mut out = String::new();
    for TraceLine { at, fields } in trace {
        out.push_str(&format!("{{\"t\":{}", at.as_micros()));
        let mut rest: Vec<_> = fields.iter().filter(|(name, _)| *name != "t").collect();
        rest.sort_by_key(|(name, _)| (*name != "ev", *name));
        for (name, value) in rest {
            out.push_str(&format!(",{}:{value}", Value::from(name.as_str())));
        }
        out.push_str("}\n");
    }
    out
}

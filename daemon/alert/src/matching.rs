//! `match`: the lambda that selects which events a handler gets.
//!
//! References are tags of the event; the functions are `changed() level() name() taskName()
//! alertDuration()` and every ordinary one; the constants are the levels. `now()` is the event's
//! time, so that every member judges alike.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use model::Time;
use tick::lambda::{Compiled, Env, Expected, Extra, Found, LKind, LValue, Scope, State};

use crate::Event;

/// A compiled match expression. Cloning shares the state of stateful functions.
#[derive(Clone)]
pub struct Match {
    text: Arc<str>,
    code: Compiled,
    state: Arc<Mutex<State>>,
}

/// What a match knows beside the ordinary functions.
const EXTRA: Extra = Extra {
    functions: &[
        ("changed", LKind::Bool),
        ("level", LKind::Int),
        ("name", LKind::Str),
        ("taskName", LKind::Str),
        ("alertDuration", LKind::Duration),
    ],
    constants: &[("OK", 0), ("INFO", 1), ("WARNING", 2), ("CRITICAL", 3)],
};

impl Match {
    /// Compiles a match; the error is the whole text (`invalid match expression: …` for what cannot
    /// be parsed).
    pub fn compile(text: &str) -> Result<Self, String> {
        let lambda =
            tick::parse_lambda(text).map_err(|e| format!("invalid match expression: {e}"))?;
        let code =
            Compiled::with_extra(&lambda, Expected::Bool, EXTRA).map_err(|e| e.to_string())?;
        Ok(Self { text: text.into(), code, state: Arc::default() })
    }

    /// Whether the handler gets the event. An error (absent tag, result that is not boolean) means no.
    pub fn matches(&self, event: &Event) -> Result<bool, String> {
        let zone = jiff::tz::TimeZone::UTC;
        let env = Env { now: event.body.time, zone: &zone, seed: 0 };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        self.code.test(&mut state, &EventScope(event), &env).map_err(|e| e.to_string())
    }
}

impl fmt::Debug for Match {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Match").field(&self.text).finish()
    }
}

struct EventScope<'a>(&'a Event);

impl Scope for EventScope<'_> {
    fn lookup(&self, name: &str) -> Found<'_> {
        self.0.body.data.tags.get(name).map_or(Found::Missing, Found::Tag)
    }

    fn time(&self) -> Option<Time> {
        Some(self.0.body.time)
    }

    fn names(&self) -> Vec<String> {
        self.0.body.data.tags.iter().map(|(key, _)| key.to_string()).collect()
    }

    fn call(&self, function: &str) -> Option<LValue> {
        let body = &self.0.body;
        Some(match function {
            "changed" => LValue::Bool(self.0.changed()),
            "level" => LValue::Int(i64::from(body.level.number())),
            "name" => LValue::Str(body.data.name.clone()),
            "taskName" => LValue::Str(body.data.task.clone()),
            "alertDuration" => LValue::Duration(body.duration),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Level;
    use crate::data::tests::event;

    #[test]
    fn matches_judge_tags_levels_and_changes() {
        // A CRITICAL event of task `al` over `kiln,bay=a`; the topic did not know it.
        let event = event("t", "x", Level::Critical, 5);
        for (text, wanted) in [
            ("changed() == TRUE", Ok(true)),
            ("changed() == TRUE AND level() >= WARNING", Ok(true)),
            ("level() == INFO", Ok(false)),
            ("\"bay\" == 'a'", Ok(true)),
            ("\"bay\" =~ /^b/", Ok(false)),
            ("name() == 'kiln' AND taskName() == 'al'", Ok(true)),
            ("alertDuration() >= 2s", Ok(false)),
            ("strHasPrefix(\"bay\", 'a')", Ok(true)),
        ] {
            let matching = Match::compile(text).expect(text);
            assert_eq!(matching.matches(&event), wanted, "{text}");
        }
        for text in ["level()", "\"gone\" == 'a'"] {
            let matching = Match::compile(text).expect(text);
            assert!(matching.matches(&event).is_err(), "{text}");
        }
    }

    #[test]
    fn wrong_expressions_are_refused_at_creation() {
        let error = |text: &str| Match::compile(text).expect_err(text);
        assert!(error("level( ==").starts_with("invalid match expression: "));
        assert_eq!(error("level() == HIGH"), "unknown identifier \"HIGH\"");
    }

    #[test]
    fn stateful_functions_keep_their_state() {
        let matching = Match::compile("count() > 1").expect("valid");
        let event = event("t", "x", Level::Info, 1);
        assert_eq!(matching.matches(&event), Ok(false));
        assert_eq!(matching.clone().matches(&event), Ok(true));
    }
}

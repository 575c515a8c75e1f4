//! The state of an `aggregate` handler: events of a window become one summary.

use std::sync::Arc;

use model::{Duration, Fields, Str, Tags, Time};
use template::{Mode, Object, Template, Value};

use crate::kind::aggregate::{Aggregate as Options, DEFAULT_MESSAGE};
use crate::{Body, Data, Details, Event, Level, Occurrences, Row, Series, Source};

/// Most rows a summary carries; events beyond are counted and their messages and rows left out.
pub const MAX_SUMMARY_ROWS: usize = 10_000;

/// Most bytes of messages a summary's details carry.
pub const MAX_SUMMARY_DETAILS: usize = 1 << 20;

/// One aggregate handler. Windows are aligned to multiples of the interval (wall clock), so that
/// every member that got the same events makes the same summary. What is in an open window is lost
/// on a restart, as upstream.
///
/// Inputs: [`Aggregate::collect`], [`Aggregate::handle_timeout`]; ask [`Aggregate::poll_timeout`]
/// after each.
pub struct Aggregate {
    options: Options,
    /// The message; `None` is the default, or a text that is no template.
    message: Option<Template>,
    source: Source,
    window: Option<Window>,
    occurrences: Occurrences,
    omitted: u64,
}

/// The open window.
struct Window {
    end: Time,
    count: u64,
    level: Level,
    time: Time,
    duration: Duration,
    details: String,
    rows: Vec<Row>,
    no_external: bool,
    hops: u8,
}

impl Aggregate {
    /// A handler of `topic` with id `handler`.
    pub fn new(topic: &str, handler: &str, options: Options) -> Self {
        let default = options.message == DEFAULT_MESSAGE;
        let message =
            (!default).then(|| Template::parse("message", &options.message, Mode::Text).ok());
        Self {
            message: message.flatten(),
            options,
            source: Source::of_handler(topic, handler),
            window: None,
            occurrences: Occurrences::default(),
            omitted: 0,
        }
    }

    /// Takes an event into the window of `now` (wall clock). Returns the summary of an older window
    /// that this closes.
    pub fn collect(&mut self, now: Time, event: &Event) -> Option<Event> {
        let closed = self.handle_timeout(now);
        let interval = self.options.interval;
        let window = self.window.get_or_insert_with(|| Window {
            end: window_end(now, interval),
            count: 0,
            level: Level::Ok,
            time: Time(i64::MIN),
            duration: Duration(i64::MIN),
            details: String::new(),
            rows: Vec::new(),
            no_external: true,
            hops: 0,
        });
        let body = &*event.body;
        window.level = window.level.max(body.level);
        window.time = window.time.max(body.time);
        window.duration = window.duration.max(body.duration);
        window.no_external &= body.no_external;
        window.hops = window.hops.max(event.hops);
        let rows = body.rows();
        if window.rows.len() + rows.len() <= MAX_SUMMARY_ROWS
            && window.details.len() + body.message.len() < MAX_SUMMARY_DETAILS
        {
            if window.count > 0 {
                window.details.push('\n');
            }
            window.details.push_str(&body.message);
            window.rows.extend(rows.iter().cloned());
        } else {
            self.omitted += 1;
        }
        window.count += 1;
        closed
    }

    /// Closes the window if it is over; its summary goes to the topic of the options. `None` also
    /// when the events went round more often than the hop limit allows.
    pub fn handle_timeout(&mut self, now: Time) -> Option<Event> {
        let window = self.window.take_if(|window| window.end <= now)?;
        let id: Str = self.options.id.as_str().into();
        let hops = window.hops + 1;
        if hops > crate::MAX_HOPS {
            return None;
        }
        let message = self.message(window.count);
        let body = Body {
            occurrence: self.occurrences.next(&id, window.end, Level::Ok),
            id,
            message: message.into(),
            details: Details::of_text(window.details.into()),
            time: window.time,
            duration: window.duration,
            level: window.level,
            data: Data {
                name: "".into(),
                task: "".into(),
                category: "".into(),
                group: "".into(),
                tags: Tags::empty(),
                fields: Fields::empty(),
                recoverable: false,
                series: Series::Rows(window.rows.into()),
            },
            no_external: window.no_external,
            source: self.source.clone(),
            summary: Some(window.end),
        };
        let mut event = Event::new(self.options.topic.as_str().into(), Arc::new(body));
        event.hops = hops;
        Some(event)
    }

    /// The message; where its template fails, the reason.
    fn message(&self, count: u64) -> String {
        let interval = self.options.interval;
        match &self.message {
            None if self.options.message == DEFAULT_MESSAGE => {
                format!("Received {count} events in the last {}.", interval.to_go_string())
            }
            None => self.options.message.clone(),
            Some(template) => template.render(&Summary { count, interval }).unwrap_or_else(|e| e),
        }
    }

    /// Wall-clock time at which to call [`Aggregate::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Time> {
        self.window.as_ref().map(|window| window.end)
    }

    /// Events whose messages and rows were left out of summaries.
    pub fn omitted(&self) -> u64 {
        self.omitted
    }
}

/// The first multiple of `interval` after `now`.
fn window_end(now: Time, interval: Duration) -> Time {
    let start = now.0 - now.0.rem_euclid(interval.0);
    Time(start.saturating_add(interval.0))
}

/// What the message's template is rendered over.
struct Summary {
    count: u64,
    interval: Duration,
}

impl Object for Summary {
    fn fields(&self) -> &'static [&'static str] {
        &["Count", "Interval"]
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "Count" => Some(Value::Int(self.count as i64)),
            "Interval" => Some(Value::Duration(self.interval.0)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::tests::event;

    fn aggregate() -> Aggregate {
        let options = Options {
            id: "sum".into(),
            interval: Duration::from_secs(10),
            topic: "all".into(),
            message: DEFAULT_MESSAGE.into(),
        };
        Aggregate::new("t", "agg", options)
    }

    const fn at(secs: i64) -> Time {
        Time(secs * 1_000_000_000)
    }

    #[test]
    fn events_of_an_aligned_window_become_one_summary() {
        let mut aggregate = aggregate();
        assert_eq!(aggregate.poll_timeout(), None);
        assert!(aggregate.collect(at(103), &event("t", "a", Level::Info, 1)).is_none());
        assert_eq!(aggregate.poll_timeout(), Some(at(110)));
        assert!(aggregate.collect(at(109), &event("t", "b", Level::Critical, 5)).is_none());
        assert!(aggregate.handle_timeout(at(109)).is_none());
        let summary = aggregate.handle_timeout(at(110)).expect("the window is over");
        assert_eq!(&*summary.topic, "all");
        assert_eq!(summary.hops, 1);
        let body = &*summary.body;
        assert_eq!(&*body.id, "sum");
        assert_eq!(&*body.message, "Received 2 events in the last 10s.");
        assert_eq!(&**body.details(), "kiln:bay=a is CRITICAL\nkiln:bay=a is CRITICAL");
        assert_eq!((body.level, body.time, body.summary), (Level::Critical, at(5), Some(at(110))));
        assert_eq!(body.rows().len(), 2);
        assert!(!body.data.recoverable);
        assert!(!body.no_external);
        assert!(aggregate.handle_timeout(at(200)).is_none(), "nothing came since");
    }

    #[test]
    fn the_message_is_a_template_over_count_and_interval() {
        let mut options = aggregate().options;
        options.message = "{{ .Count }}x{{ .Interval }}".into();
        let mut aggregate = Aggregate::new("t", "agg", options);
        aggregate.collect(at(1), &event("t", "a", Level::Info, 1));
        let summary = aggregate.handle_timeout(at(10)).expect("the window is over");
        assert_eq!(&*summary.body.message, "1x10s");
    }

    #[test]
    fn a_late_timer_is_made_up_for_by_the_next_event() {
        let mut aggregate = aggregate();
        aggregate.collect(at(103), &event("t", "a", Level::Info, 1));
        let closed = aggregate.collect(at(125), &event("t", "a", Level::Info, 2)).expect("closed");
        assert_eq!(closed.body.summary, Some(at(110)));
        assert_eq!(aggregate.poll_timeout(), Some(at(130)));
    }
}

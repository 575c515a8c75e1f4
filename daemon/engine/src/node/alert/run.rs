//! An alert node at work.

use std::sync::Arc;

use alert::{
    Body, Data, HandlerSpec, Inhibitor, Inhibitors, Level, Occurrences, Row, Series, ServerInfo,
    Source,
};
use model::{Batch, Duration, Fields, Group, Str, Tags, Time};

use super::forward::{Adds, Fired};
use super::history::{History, Rules, Step};
use super::ladder::{Ladder, LadderState};
use super::text::{Facts, Happened, Known, Texts};
use super::{Alert, Inhibit, handlers};
use crate::effect::Effect;
use crate::graph::{Grouped, Out};
use crate::group::Groups;
use crate::node::{Run, Start};

/// The machine.
pub(super) struct Alerter {
    groups: Groups<State>,
    node: Node,
}

/// What all groups share.
struct Node {
    ladder: Ladder,
    rules: Rules,
    texts: Texts,
    all: bool,
    no_recoveries: bool,
    category: Str,
    inhibits: Vec<Inhibit>,
    adds: Adds,
    task: Str,
    server: Arc<ServerInfo>,
    source: Source,
    /// The anonymous topic, when there are inline handlers.
    anonymous: Option<Str>,
    /// The named topic.
    named: Option<Str>,
    handlers: Vec<HandlerSpec>,
    inhibitors: Inhibitors,
    occurrences: Occurrences,
    triggered: [i64; 4],
    inhibited: i64,
    /// Events whose texts could not be rendered.
    dropped: i64,
}

/// What is kept per group.
struct State {
    ladder: LadderState,
    history: History,
    known: Known,
    inhibitors: Vec<Inhibitor>,
}

/// The data behind an event, of a point or a batch.
struct Subject<'a> {
    name: &'a Str,
    group: &'a Group,
    tags: &'a Tags,
    fields: &'a Fields,
    time: Time,
}

impl Alerter {
    /// Compiles conditions and templates and checks the handlers.
    pub(super) fn start(alert: &Alert, start: &Start<'_>) -> Result<Self, String> {
        let settings = start.settings;
        let source = Source::of_node(settings.replay.as_deref(), &settings.task_id, start.name);
        let ladder = Ladder::compile(alert, settings)?;
        let texts = Texts::parse(alert, &settings.zone)?;
        if alert.flapping && (alert.flap_low > 1.0 || alert.flap_high > 1.0) {
            let text = "alert flap thresholds are percentages and should be between 0 and 1";
            return Err(text.to_owned());
        }
        let handlers = handlers::specs(&alert.handlers, &source.0, settings)?;
        let rules = Rules {
            history: usize::try_from(alert.history).unwrap_or(0).clamp(2, MAX_HISTORY),
            flapping: alert.flapping.then_some((alert.flap_low, alert.flap_high)),
            state_changes_only: alert.state_changes_only,
            interval: alert.interval,
        };
        let node = Node {
            ladder,
            rules,
            texts,
            all: alert.all,
            no_recoveries: alert.no_recoveries,
            category: alert.category.clone(),
            inhibits: alert.inhibits.clone(),
            adds: alert.adds.clone(),
            task: settings.task_id.clone(),
            server: Arc::clone(&settings.server),
            anonymous: (!alert.handlers.is_empty()).then(|| source.0.clone()),
            named: (!alert.topic.is_empty()).then(|| alert.topic.clone()),
            source,
            handlers,
            inhibitors: settings.inhibitors.clone(),
            occurrences: Occurrences::default(),
            triggered: [0; 4],
            inhibited: 0,
            dropped: 0,
        };
        Ok(Self { groups: Groups::default(), node })
    }
}

/// Longest history for flapping; more costs time with every point.
const MAX_HISTORY: usize = 100_000;

impl Run for Alerter {
    fn point(&mut self, point: &Grouped, out: &mut Out<'_, '_>) {
        let Self { groups, node } = self;
        let p = &*point.point;
        let subject = Subject {
            name: &p.name,
            group: &point.group,
            tags: &p.tags,
            fields: &p.fields,
            time: p.time,
        };
        let state = groups.entry(&point.group, || node.meet(&subject, out));
        let level = node.judge(p, state, out);
        let step = state.history.step(&node.rules, p.time, level);
        if !step.fires_on_stream() {
            return;
        }
        if let Some(fired) = node.fire(state, step, &subject, || Series::Point, out) {
            if node.adds.is_empty() {
                out.point(point);
            } else {
                out.point(&point.with(node.adds.to_point(p, &fired)));
            }
        }
    }

    fn batch(&mut self, batch: &Batch, out: &mut Out<'_, '_>) {
        let Self { groups, node } = self;
        let Some(first) = batch.points.first() else { return };
        let mut subject = Subject {
            name: &batch.name,
            group: &batch.group,
            tags: batch.group.tags(),
            fields: &first.fields,
            time: batch.tmax,
        };
        let state = groups.entry(&batch.group, || node.meet(&subject, out));
        let (mut lowest, mut highest, mut worst) = (Level::Critical, Level::Ok, first);
        for point in &*batch.points {
            let level = node.judge(point, state, out);
            lowest = lowest.min(level);
            if level > highest {
                (highest, worst) = (level, point);
            }
        }
        let level = if node.all { lowest } else { highest };
        subject.fields = &worst.fields;
        if !node.all && level != Level::Ok {
            subject.time = worst.time;
        }
        let step = state.history.step(&node.rules, subject.time, level);
        if !step.fires_on_batch() {
            return;
        }
        let series = || Series::Rows(Arc::new([Row::of_batch(batch)]));
        if let Some(fired) = node.fire(state, step, &subject, series, out) {
            if node.adds.is_empty() {
                out.batch(batch);
            } else {
                out.batch(&node.adds.to_batch(batch, &fired));
            }
        }
    }

    fn delete_group(&mut self, group: &Group, out: &mut Out<'_, '_>) {
        if self.groups.remove(group).is_some() {
            out.delete_group(group);
        }
    }

    fn cardinality(&self) -> usize {
        self.groups.len()
    }

    fn counters(&self) -> Vec<(&'static str, i64)> {
        let [oks, infos, warns, crits] = self.node.triggered;
        vec![
            ("alerts_inhibited", self.node.inhibited),
            ("alerts_triggered", oks + infos + warns + crits),
            ("crits_triggered", crits),
            ("events_dropped", self.node.dropped),
            ("infos_triggered", infos),
            ("oks_triggered", oks),
            ("warns_triggered", warns),
        ]
    }

    fn handlers(&self) -> Option<(Str, Vec<HandlerSpec>)> {
        let topic = self.node.anonymous.clone()?;
        Some((topic, self.node.handlers.clone()))
    }
}

impl Node {
    /// The state of a group that is seen first: its level is read back from the topics.
    fn meet(&self, subject: &Subject<'_>, out: &mut Out<'_, '_>) -> State {
        let mut known = Known::default();
        let restored = match self.texts.id(&self.facts(subject), &mut known) {
            Ok(id) => self.restore(&id, out),
            Err(text) => {
                out.error(text);
                None
            }
        };
        let tags = |names: &[Str]| -> Tags {
            let value = |name: &Str| subject.tags.get(name).cloned().unwrap_or_default();
            names.iter().map(|name| (name.clone(), value(name))).collect()
        };
        let inhibitors = self
            .inhibits
            .iter()
            .map(|inhibit| self.inhibitors.register(inhibit.category.clone(), tags(&inhibit.tags)));
        State {
            ladder: LadderState::default(),
            history: History::new(&self.rules, restored),
            known,
            inhibitors: inhibitors.collect(),
        }
    }

    /// What the topics know of an event id; the anonymous topic wins, and topics that differ are set
    /// to the same state.
    fn restore(&self, id: &Str, out: &mut Out<'_, '_>) -> Option<(Level, Time)> {
        let stored = |topic: &Option<Str>, out: &Out<'_, '_>| {
            topic.as_ref().and_then(|topic| out.topic_state(topic, id))
        };
        let anonymous = stored(&self.anonymous, out);
        let named = stored(&self.named, out);
        let (state, other) = match (anonymous, named) {
            (Some(anonymous), Some(named)) => {
                let differs = anonymous.level != named.level;
                (anonymous, self.named.as_ref().filter(|_| differs))
            }
            (Some(anonymous), None) => (anonymous, None),
            (None, Some(named)) => (named, self.anonymous.as_ref()),
            (None, None) => return None,
        };
        let restored = (state.level, state.time);
        if let Some(topic) = other {
            out.effect(Effect::Restore { topic: topic.clone(), id: id.clone(), state });
        }
        (restored.0 != Level::Ok).then_some(restored)
    }

    fn judge(
        &self,
        point: &impl crate::lambda::Source,
        state: &mut State,
        out: &mut Out<'_, '_>,
    ) -> Level {
        let (now, current) = (out.now(), state.history.level());
        self.ladder.judge(point, now, current, &mut state.ladder, |failure| {
            out.error(format_args!("error evaluating expression for level: {failure}"));
        })
    }

    /// Fires: notes times, switches inhibitors and raises the event. `None`: nothing is forwarded.
    fn fire(
        &mut self,
        state: &mut State,
        step: Step,
        subject: &Subject<'_>,
        series: impl FnOnce() -> Series,
        out: &mut Out<'_, '_>,
    ) -> Option<Fired> {
        let duration = state.history.fire(step, subject.time);
        let level = step.level;
        for inhibitor in &mut state.inhibitors {
            inhibitor.set(level != Level::Ok);
        }
        if self.no_recoveries && level == Level::Ok {
            return None;
        }
        match self.body(&mut state.known, level, duration, subject, series) {
            Ok(body) => {
                let (id, message) = (body.id.clone(), body.message.clone());
                self.raise(body, out);
                Some(Fired { id, message, level, duration })
            }
            Err(text) => {
                self.dropped += 1;
                out.error(text);
                None
            }
        }
    }

    /// Renders the texts and puts the event together.
    fn body(
        &mut self,
        known: &mut Known,
        level: Level,
        duration: Duration,
        subject: &Subject<'_>,
        series: impl FnOnce() -> Series,
    ) -> Result<Body, String> {
        let mut facts = self.facts(subject);
        let id = self.texts.id(&facts, known)?;
        let (fields, time) = (subject.fields, subject.time);
        facts.event = Some(Happened { id: &id, fields, level, time, duration });
        let message = self.texts.message(&facts, known)?;
        facts.message = Some(&message);
        let details = self.texts.details(&facts)?;
        let data = Data {
            name: subject.name.clone(),
            task: self.task.clone(),
            category: self.category.clone(),
            group: subject.group.id().clone(),
            tags: subject.tags.clone(),
            fields: fields.clone(),
            recoverable: !self.no_recoveries,
            series: series(),
        };
        Ok(Body {
            occurrence: 0,
            id,
            message,
            details,
            time,
            duration,
            level,
            data,
            no_external: false,
            source: self.source.clone(),
            summary: None,
        })
    }

    /// Gives an event to the topics, unless it is inhibited.
    fn raise(&mut self, mut body: Body, out: &mut Out<'_, '_>) {
        if self.inhibitors.is_inhibited(&self.category, &body.data.tags) {
            self.inhibited += 1;
            return;
        }
        self.triggered[body.level as usize] += 1;
        if self.anonymous.is_none() && self.named.is_none() {
            return;
        }
        body.occurrence = self.occurrences.next(&body.id, body.time, body.level);
        let body = Arc::new(body);
        let cold = out.is_cold();
        for topic in self.anonymous.iter().chain(&self.named) {
            let (topic, body) = (topic.clone(), Arc::clone(&body));
            out.effect(Effect::Raise { topic, body, cold });
        }
    }

    fn facts<'a>(&'a self, subject: &'a Subject<'_>) -> Facts<'a> {
        Facts {
            name: subject.name,
            task: &self.task,
            group: subject.group.id(),
            tags: subject.tags,
            server: &self.server,
            event: None,
            message: None,
        }
    }
}

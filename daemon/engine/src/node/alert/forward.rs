//! What an alert node forwards: the data that fired, with tags and fields about the event.

use alert::Level;
use model::{Batch, BatchPoint, Dimensions, Duration, Fields, Group, Point, Str, Tags, Value};

/// Names of what is added to forwarded data; empty for nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Adds {
    pub(super) level_tag: Str,
    pub(super) id_tag: Str,
    pub(super) level_field: Str,
    pub(super) message_field: Str,
    pub(super) id_field: Str,
    pub(super) duration_field: Str,
}

/// A fired event's texts and duration, for what is forwarded.
pub(super) struct Fired {
    pub(super) id: Str,
    pub(super) message: Str,
    pub(super) level: Level,
    pub(super) duration: Duration,
}

impl Adds {
    /// Whether data is forwarded as it came.
    pub(super) fn is_empty(&self) -> bool {
        let names = [
            &self.level_tag,
            &self.id_tag,
            &self.level_field,
            &self.message_field,
            &self.id_field,
            &self.duration_field,
        ];
        names.iter().all(|name| name.is_empty())
    }

    fn tags(&self, tags: &Tags, fired: &Fired) -> Tags {
        let mut tags = tags.clone();
        for (name, value) in [(&self.level_tag, fired.level.name()), (&self.id_tag, &*fired.id)] {
            if !name.is_empty() {
                tags = tags.with(name.clone(), value.into());
            }
        }
        tags
    }

    fn fields(&self, fields: &Fields, fired: &Fired) -> Fields {
        let mut fields = fields.clone();
        let mut set = |name: &Str, value: Value| {
            if !name.is_empty() {
                fields = fields.with(name.clone(), value);
            }
        };
        set(&self.level_field, fired.level.name().into());
        set(&self.message_field, fired.message.clone().into());
        set(&self.id_field, fired.id.clone().into());
        set(&self.duration_field, fired.duration.0.into());
        fields
    }

    /// A point with what is added.
    pub(super) fn to_point(&self, point: &Point, fired: &Fired) -> Point {
        Point {
            tags: self.tags(&point.tags, fired),
            fields: self.fields(&point.fields, fired),
            ..point.clone()
        }
    }

    /// Adds to all points; added tags also become tags of the group.
    pub(super) fn to_batch(&self, batch: &Batch, fired: &Fired) -> Batch {
        let points = batch.points.iter().map(|point| BatchPoint {
            tags: self.tags(&point.tags, fired),
            fields: self.fields(&point.fields, fired),
            time: point.time,
        });
        let points = points.collect();
        let tags = self.tags(batch.group.tags(), fired);
        let dimensions = Dimensions {
            by_name: batch.group.dimensions().by_name,
            tags: tags.iter().map(|(key, _)| key.clone()).collect(),
        };
        let group = Group::of(&dimensions, &batch.name, &tags);
        Batch { points, group, ..batch.clone() }
    }
}

//! What members say to each other about events. Each message is idempotent by key.

use std::sync::Arc;

use model::{BootGeneration, MemberId};
use serde::{Deserialize, Serialize};

use crate::done::Digest;
use crate::event::{Body, HandlerId};
use crate::key::{Key, KeyHash};
use crate::prefix::Prefix;

/// How a handler ended with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Settled {
    /// The receiver took it.
    Delivered,
    /// Refused for good, or the delivery timeout passed. Told to all, counted once.
    GivenUp,
}

/// What delivery reports for a handler that was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// The receiver took it.
    Delivered,
    /// Given up; as final as delivered.
    GivenUp,
    /// Answer to [`crate::Output::Stop`]: no attempt is in flight any more and none succeeded.
    Stopped,
}

/// An event, offered to an owner. The sender holds it durably.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Offer {
    /// The event's key.
    pub key: Key,
    /// The sender's owners of the topic, in order.
    pub view: Arc<[MemberId]>,
    /// Raised by a task whose windows have not filled.
    pub cold: bool,
    /// The sender raised the event itself.
    pub raised: bool,
    /// Part of the sender's hand-over: it leaves, and is refused in every other message if removed.
    pub handover: bool,
    /// Handlers that have finished with it: a new owner may never have heard of them.
    pub finished: Vec<HandlerId>,
    /// Left out for an owner that is known to raise the event itself.
    pub body: Option<Body>,
}

/// "I am about to handle this": asks for grants, and makes the others yield for the lease.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Claim {
    /// The event.
    pub hash: KeyHash,
    /// Its topic, for members that do not know the event yet.
    pub topic: Arc<str>,
    /// The claimant's boot generation; the claim dies with it.
    pub boot: BootGeneration,
    /// Length of the lease, milliseconds.
    pub lease_ms: u64,
    /// The claimant's owners of the topic, in order.
    pub view: Arc<[MemberId]>,
    /// The handlers that match, judged once; a takeover keeps them.
    pub handlers: Arc<[HandlerId]>,
}

/// Digest of one topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TopicDigest {
    /// The topic.
    pub topic: Arc<str>,
    /// Of its done markers.
    pub done: Digest,
    /// Of its pending events.
    pub pending: Digest,
}

/// Digest of the keys of a topic whose hash starts with a prefix.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BucketDigest {
    /// First bytes of the hash.
    pub prefix: Prefix,
    /// Of the done markers under it.
    pub done: Digest,
    /// Of the pending events under it.
    pub pending: Digest,
}

/// A question of a full sync. The asked member keeps no state between two questions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Pull {
    /// Are we equal? `root` is the asker's.
    Root {
        /// Hash over the groups of topics.
        root: u64,
        /// The asked member shall pull from the asker too, if they differ.
        both: bool,
    },
    /// Digests of the topics of some groups.
    Topics {
        /// Groups that differ.
        groups: Vec<u8>,
        /// Last topic of the previous page.
        after: Option<Arc<str>>,
    },
    /// Digests of the 256 buckets below each prefix.
    Buckets {
        /// The topic.
        topic: Arc<str>,
        /// Prefixes that have children.
        prefixes: Vec<Prefix>,
    },
    /// The keys of a topic under some prefixes.
    Keys {
        /// The topic.
        topic: Arc<str>,
        /// Prefixes, ascending.
        prefixes: Vec<Prefix>,
        /// Last key of the previous page.
        after: Option<KeyHash>,
    },
    /// Offer me these pending events.
    Events {
        /// Their keys.
        hashes: Vec<KeyHash>,
    },
}

/// The answer to a [`Pull`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PullAnswer {
    /// To `Root`: nothing differs.
    Same,
    /// To `Root`: something differs.
    Differs {
        /// One number for each of the 256 groups of topics.
        groups: Vec<u64>,
    },
    /// To `Topics`.
    Topics {
        /// The groups asked for.
        groups: Vec<u8>,
        /// In order of names.
        page: Vec<TopicDigest>,
        /// Whether there are further topics.
        more: bool,
    },
    /// To `Buckets`: those that are not empty.
    Buckets {
        /// The topic.
        topic: Arc<str>,
        /// The prefixes asked for.
        asked: Vec<Prefix>,
        /// In order of prefixes.
        buckets: Vec<BucketDigest>,
    },
    /// To `Keys`.
    Keys {
        /// The topic.
        topic: Arc<str>,
        /// The prefixes asked for.
        prefixes: Vec<Prefix>,
        /// Done markers with their age in seconds.
        done: Vec<(KeyHash, u32)>,
        /// Pending events.
        pending: Vec<KeyHash>,
        /// Last key looked at, where there is another page.
        more: Option<KeyHash>,
    },
    /// To `Events`, after the offers: all that were still pending have been offered.
    Events,
}

/// A message between two members.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Message {
    /// Producer or holder → owner. Retried until acked.
    Offer(Offer),
    /// Owner → offerer: held durably, or done already.
    OfferAck {
        /// The event.
        hash: KeyHash,
        /// The event is done; nothing will be sent.
        done: bool,
    },
    /// Owner → offerer: an offer came without the body, and I have none.
    NeedBody {
        /// The event.
        hash: KeyHash,
    },
    /// Member that is due → every member of its lists.
    Claim(Claim),
    /// Go ahead; I yield for your lease.
    Grant {
        /// The event.
        hash: KeyHash,
        /// Boot generation of the claim that is answered.
        boot: BootGeneration,
        /// The granter's owners, where they differ from the claim's.
        view: Option<Arc<[MemberId]>>,
        /// Handlers known to be finished.
        finished: Vec<HandlerId>,
    },
    /// Someone else has it.
    Held {
        /// The event.
        hash: KeyHash,
        /// Boot generation of the claim that is answered.
        boot: BootGeneration,
        /// Who holds it; may be the sender.
        holder: MemberId,
        /// Boot generation of the holder's claim.
        holder_boot: BootGeneration,
        /// What is left of the holder's lease as the sender knows it, milliseconds. Hearsay never
        /// prolongs a lease, else two waiting members could keep a dead one's claim alive for ever.
        lease_ms: u64,
        /// The sender is the holder and has begun to send.
        acting: bool,
        /// Handlers known to be finished.
        finished: Vec<HandlerId>,
    },
    /// Actor → those it asked: still at it.
    Renew {
        /// The event.
        hash: KeyHash,
        /// Its topic, for members that do not know the event yet.
        topic: Arc<str>,
        /// Boot generation of the claim.
        boot: BootGeneration,
        /// Length of the lease from now, milliseconds.
        lease_ms: u64,
    },
    /// Former actor → those it asked: the line may go on.
    Release {
        /// The event.
        hash: KeyHash,
        /// Boot generation of the claim.
        boot: BootGeneration,
    },
    /// A handler has finished with the event. Retried until acked.
    HandlerDone {
        /// The event.
        hash: KeyHash,
        /// Its topic.
        topic: Arc<str>,
        /// The handler.
        handler: HandlerId,
        /// How it ended.
        settled: Settled,
    },
    /// Answer to `HandlerDone`.
    HandlerDoneAck {
        /// The event.
        hash: KeyHash,
        /// The handler.
        handler: HandlerId,
    },
    /// Every handler that matched has finished. Retried until acked.
    Done {
        /// The event.
        hash: KeyHash,
        /// Its topic.
        topic: Arc<str>,
    },
    /// Answer to `Done`.
    DoneAck {
        /// The event.
        hash: KeyHash,
    },
    /// Owner → a member that runs the task warm: would you raise this?
    WarmAsk {
        /// The cold event's key.
        key: Key,
    },
    /// Answer to `WarmAsk`, once the warm member's data has passed the event's time.
    WarmAnswer {
        /// The event.
        hash: KeyHash,
        /// It raised the event too.
        raised: bool,
    },
    /// Question of a full sync.
    Pull(Pull),
    /// Answer of a full sync.
    PullAnswer(PullAnswer),
}

impl Message {
    /// Its kind in one word, for people.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Offer(_) => "offer",
            Self::OfferAck { .. } => "offer-ack",
            Self::NeedBody { .. } => "need-body",
            Self::Claim(_) => "claim",
            Self::Grant { .. } => "grant",
            Self::Held { .. } => "held",
            Self::Renew { .. } => "renew",
            Self::Release { .. } => "release",
            Self::HandlerDone { .. } => "handler-done",
            Self::HandlerDoneAck { .. } => "handler-done-ack",
            Self::Done { .. } => "done",
            Self::DoneAck { .. } => "done-ack",
            Self::WarmAsk { .. } => "warm-ask",
            Self::WarmAnswer { .. } => "warm-answer",
            Self::Pull(_) => "pull",
            Self::PullAnswer(_) => "pull-answer",
        }
    }
}

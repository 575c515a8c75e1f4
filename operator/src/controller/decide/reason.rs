//! The table of reasons: why something is done or awaited, what it means, and whether it warrants a
//! warning. Conditions, events, logs and metrics all speak these words.

/// What a reason means for the conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All is as wished.
    Settled,
    /// It will be, by itself.
    Moving,
    /// A human is needed.
    Stuck,
}

/// How an event of this reason is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Normal,
    /// Somebody should know.
    Warning,
}

macro_rules! reasons {
    ($($name:ident $verdict:ident $tone:ident $meaning:literal;)*) => {
        /// Why: the reason of an effect, or of having none. Shown as the reason of condition `Ready`
        /// and of events.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Reason {
            $(#[doc = $meaning] $name,)*
        }

        impl Reason {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its name.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }

            /// What it means for the conditions.
            pub fn verdict(self) -> Verdict {
                match self {
                    $(Self::$name => Verdict::$verdict,)*
                }
            }

            /// How its event is shown.
            pub fn tone(self) -> Tone {
                match self {
                    $(Self::$name => Tone::$tone,)*
                }
            }

            /// In words, for people.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => $meaning,)*
                }
            }
        }
    };
}

reasons! {
    InSync Settled Normal "every wished member is in the cluster and on every list";
    Stopped Settled Normal "no pod runs; volumes and membership are kept";
    StopWished Moving Normal "all pods are stopped, as wished";
    PodsStopping Moving Normal "pods end";
    Paused Settled Normal "nothing is changed until `spec.paused` is false again";
    CleanupWished Moving Normal "a finalizer keeps the resource, once deleted, until subscriptions are dropped";
    CleanupNotWished Moving Normal "there is nothing to clear away behind the resource";
    Deleting Moving Normal "the resource is being deleted";
    SubscriptionsOrphaned Moving Warning "the resource is gone, but an InfluxDB did not answer in time; the event holds what to run there";
    EffectFailed Moving Warning "what was to be done failed; it is tried again";
    InvalidSpec Stuck Warning "the resource cannot be followed, see the message";

    AdminKeyMissing Moving Normal "the key that signs membership changes is made";
    AdminKeyUnreadable Stuck Warning "the Secret with the key is there but holds no key";
    LedgerLost Moving Warning "the status was lost; the ledger is read back from the claims";
    ChildrenDiffer Moving Normal "children are missing or built from something else; they are applied";

    ClusterFounded Moving Normal "the identity of the cluster is written down";
    ClustersDiffer Stuck Warning "members belong to different clusters";
    MemberFound Moving Normal "a member's identity is written down, in the ledger and on its claim";
    MemberDisplaced Moving Warning "a pod came back as another member: its volume was lost";
    MemberApart Moving Normal "a member is taken into the cluster";
    MemberJoining Moving Normal "a member is not on every member's list yet";
    NoWayIn Stuck Warning "members answer, but none is in the cluster of the status";
    MembersStarting Moving Normal "pods start";
    MembersAway Moving Normal "members do not answer";
    ForeignMember Stuck Warning "a member belongs to another cluster; it is left alone";

    SetGrows Moving Normal "the StatefulSet gets more pods";
    OrdinalLeaving Moving Normal "a pod cannot be made again before its last member is gone for good";

    PodsRoll Moving Normal "a change reaches the pods one by one, each back in sync before the next one goes";
    RollStuck Stuck Warning "a change stopped at a pod that does not come back; those below run on as they were";
    RollHeld Settled Normal "pods keep what they run, as `spec.updateStrategy` says";
    ChangeAbandoned Moving Warning "a pod that does not run with a change that is not wished any more makes room";
    VolumesGrow Moving Normal "claims ask for more space";
    VolumesGrowing Moving Normal "volumes are not as large yet as their claims ask for";
    VolumesFixed Stuck Warning "volumes are to grow and may not; none was changed, members run on";
    VolumeNeedsRestart Moving Normal "a volume grows to its end when its pod starts anew";
    SetRemade Moving Normal "the StatefulSet is made anew around its pods, with larger volumes for pods to come";
    SetEnding Moving Normal "the StatefulSet ends; it is made anew";

    MemberCondemned Moving Normal "a member is to leave; nothing is done yet that could not be taken back";
    MemberSpared Moving Normal "a member that was to leave stays: the wish rose again";
    TasksOnlyHere Stuck Warning "a leaving member alone runs some tasks";
    LastMember Stuck Warning "the last member of a cluster cannot be removed";
    ClaimKept Stuck Warning "a member is to be replaced, but its claim is marked to be kept";
    RemovalBegins Moving Normal "a member will be removed; from here on there is no way back";
    MemberListed Moving Normal "a leaving member is removed from the cluster";
    MemberRemoved Moving Normal "a member is on no list any more, and handed over what it held";
    MemberRemovedDead Moving Warning "a member is on no list any more; it could not hand over what it held";
    SetShrinks Moving Normal "the StatefulSet gets one pod less";
    PodStopping Moving Normal "the pod of a removed member ends";
    PodReplaced Moving Normal "the pod of a replaced member is deleted";
    PodGone Moving Normal "the pod of a removed member is gone";
    MemberBack Moving Warning "a removed member is wished again, as somebody scaled the StatefulSet by hand; it comes in anew";
    SubscriptionsFound Moving Normal "subscriptions of a member that is gone are dropped";
    SubscriptionsReturned Moving Warning "a member that should be gone subscribed again";
    SubscriptionsWatched Moving Normal "a member died; its subscriptions are looked for once more";
    InfluxdbAway Moving Warning "an InfluxDB does not answer; it is tried again";
    InfluxdbLogin Stuck Warning "an InfluxDB refuses the login, or the Secret holds none";
    SubscriptionsGone Moving Normal "no subscription of a member that is gone is left";
    OrphansFound Moving Warning "subscriptions of members that were gone already are dropped";
    SubscriptionsSkipped Moving Warning "subscriptions were not looked for: a human said so";
    ClaimDeleted Moving Normal "the claim of a member that is gone is deleted";
    ClaimRetired Moving Normal "the claim of a member that is gone is kept";
    ClaimGoing Moving Normal "a claim ends";
    ClaimEnding Moving Normal "a pod runs on a claim that is being deleted; it makes room for a new one";
    MemberGone Moving Normal "a member is forgotten";
}

impl Reason {
    /// Something outside is awaited, so look again soon.
    pub fn is_waiting(self) -> bool {
        self.verdict() == Verdict::Moving
            && !matches!(self, Self::Deleting | Self::InfluxdbAway | Self::VolumesGrowing)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    const BEGIN: &str = "<!-- reasons: generated from the code by `make generated` -->\n";
    const END: &str = "<!-- end of reasons -->\n";

    #[test]
    fn generated_table_of_reasons_in_the_handbook_is_fresh() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the project");
        let path = root.join("docs/kubernetes.md");
        let page = std::fs::read_to_string(&path).expect("the page");
        let (before, rest) = page.split_once(BEGIN).expect("the table has a beginning");
        let (_, after) = rest.split_once(END).expect("the table has an end");
        let needs = |verdict| match verdict {
            Verdict::Settled => "as wished",
            Verdict::Moving => "moving",
            Verdict::Stuck => "**needs you**",
        };
        let mut table = "| reason | | means |\n|---|---|---|\n".to_owned();
        for reason in Reason::ALL {
            let (name, needs) = (reason.as_str(), needs(reason.verdict()));
            let _ = writeln!(table, "| `{name}` | {needs} | {} |", reason.meaning());
        }
        let fresh = format!("{before}{BEGIN}{table}{END}{after}");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &fresh).expect("the folder is there");
        } else {
            assert!(page == fresh, "the table of reasons is stale: run `make generated`");
        }
    }

    #[test]
    fn who_needs_a_human_warns() {
        for reason in Reason::ALL.iter().filter(|reason| reason.verdict() == Verdict::Stuck) {
            assert_eq!(reason.tone(), Tone::Warning, "{}", reason.as_str());
        }
    }
}

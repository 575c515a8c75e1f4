//! Where in a document an action stands, and what that asks of its value.

use super::Escaper;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    Text,
    /// Inside a tag, before an attribute's name or the tag's end.
    Tag,
    AttributeName,
    AfterName,
    BeforeValue,
    Comment,
    /// Text of `textarea` and `title`.
    RawText,
    /// An attribute's value of no special meaning.
    Value,
    Url,
    SourceSet,
    Js,
    JsDouble,
    JsSingle,
    JsTemplate,
    JsRegexp,
    JsBlockComment,
    JsLineComment,
    Css,
    CssDouble,
    CssSingle,
    CssDoubleUrl,
    CssSingleUrl,
    CssUrl,
    CssBlockComment,
    CssLineComment,
}

/// What ends an attribute's value; `None` outside of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Delim {
    None,
    Double,
    Single,
    SpaceOrTagEnd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum UrlPart {
    Start,
    BeforeQuery,
    QueryOrFragment,
    /// Branches differ.
    Unknown,
}

/// What a slash means in a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Slash {
    Regexp,
    Division,
    Unknown,
}

/// What the value of the attribute is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Attribute {
    Plain,
    Script,
    /// `type` of a `script`
    ScriptType,
    Style,
    Url,
    SourceSet,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Element {
    Other,
    Script,
    Style,
    TextArea,
    Title,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Context {
    pub(super) state: State,
    pub(super) delim: Delim,
    pub(super) url: UrlPart,
    pub(super) slash: Slash,
    pub(super) attribute: Attribute,
    pub(super) element: Element,
}

impl Context {
    pub(super) const TEXT: Self = Self {
        state: State::Text,
        delim: Delim::None,
        url: UrlPart::Start,
        slash: Slash::Regexp,
        attribute: Attribute::Plain,
        element: Element::Other,
    };

    /// Inside the tag of an element.
    pub(super) fn tag(element: Element) -> Self {
        Self { state: State::Tag, element, ..Self::TEXT }
    }

    pub(super) fn is_comment(self) -> bool {
        matches!(
            self.state,
            State::Comment
                | State::JsBlockComment
                | State::JsLineComment
                | State::CssBlockComment
                | State::CssLineComment
        )
    }

    /// The context with the state that the attribute's value begins in.
    pub(super) fn value_start(self, delim: Delim) -> Self {
        let state = match self.attribute {
            Attribute::Plain | Attribute::ScriptType => State::Value,
            Attribute::Script => State::Js,
            Attribute::Style => State::Css,
            Attribute::Url => State::Url,
            Attribute::SourceSet => State::SourceSet,
        };
        let attribute = match self.attribute {
            Attribute::ScriptType => Attribute::ScriptType,
            _ => Attribute::Plain,
        };
        Self { state, delim, attribute, ..self }
    }

    /// Moves into what an action here is part of: a name, or an unquoted value.
    pub(super) fn nudge(self) -> Self {
        match self.state {
            State::Tag => Self { state: State::AttributeName, ..self },
            State::BeforeValue => self.value_start(Delim::SpaceOrTagEnd),
            State::AfterName => {
                Self { state: State::AttributeName, attribute: Attribute::Plain, ..self }
            }
            _ => self,
        }
    }

    /// What an action here needs, and the context after it.
    pub(super) fn action(self) -> Result<(Vec<Escaper>, Self), String> {
        let mut after = self.nudge();
        let mut escapers = Vec::with_capacity(2);
        match after.state {
            State::Url
            | State::CssDouble
            | State::CssSingle
            | State::CssDoubleUrl
            | State::CssSingleUrl
            | State::CssUrl => {
                let in_text = matches!(after.state, State::CssDouble | State::CssSingle);
                match after.url {
                    UrlPart::Start => escapers.push(Escaper::UrlFilter),
                    UrlPart::BeforeQuery => {}
                    UrlPart::QueryOrFragment => escapers.push(Escaper::Url),
                    UrlPart::Unknown => {
                        return Err("an action stands in an ambiguous place of a URL".to_owned());
                    }
                }
                if matches!(after.url, UrlPart::Start | UrlPart::BeforeQuery) {
                    escapers.push(if in_text { Escaper::Css } else { Escaper::UrlNormal });
                }
            }
            State::Js => {
                escapers.push(Escaper::JsValue);
                after.slash = Slash::Division;
            }
            State::JsDouble | State::JsSingle => escapers.push(Escaper::JsText),
            State::JsTemplate => escapers.push(Escaper::JsTemplate),
            State::JsRegexp => escapers.push(Escaper::JsRegexp),
            State::Css => escapers.push(Escaper::CssValue),
            State::Text => escapers.push(Escaper::Html),
            State::RawText => escapers.push(Escaper::RawText),
            State::Tag | State::AttributeName | State::AfterName | State::BeforeValue => {
                after.state = State::AttributeName;
                escapers.push(Escaper::Name);
            }
            State::SourceSet => escapers.push(Escaper::SourceSet),
            State::Value => {}
            State::Comment
            | State::JsBlockComment
            | State::JsLineComment
            | State::CssBlockComment
            | State::CssLineComment => escapers.push(Escaper::Comment),
        }
        match after.delim {
            Delim::None => {}
            Delim::SpaceOrTagEnd => escapers.push(Escaper::Unquoted),
            Delim::Double | Delim::Single => escapers.push(Escaper::Attribute),
        }
        Ok((escapers, after))
    }

    /// The context after two ways that meet, if one fits both.
    pub(super) fn join(self, other: Self) -> Option<Self> {
        if self == other {
            return Some(self);
        }
        let with_url = Self { url: other.url, ..self };
        if with_url == other {
            return Some(Self { url: UrlPart::Unknown, ..self });
        }
        let with_slash = Self { slash: other.slash, ..self };
        if with_slash == other {
            return Some(Self { slash: Slash::Unknown, ..self });
        }
        let (a, b) = (self.nudge(), other.nudge());
        if (a, b) == (self, other) { None } else { a.join(b) }
    }
}

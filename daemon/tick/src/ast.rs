//! The syntax tree of a script: what was written, where, and with which comments.
//!
//! The tree is what the formatter prints, the evaluator walks and the lambda engine compiles. It is
//! immutable after parsing and shared by `Arc`, so a lambda may be kept by a node for ever.
//! No tree is deeper than [`MAX_DEPTH`], which makes plain recursion over it safe.

use std::fmt;
use std::sync::Arc;

use model::Duration;

use crate::pattern::Pattern;

/// The deepest tree the parser builds, in nested expressions. A left-deep sum counts one per term.
/// More is the error `expression is nested too deep`; more would endanger the stack of recursion.
pub const MAX_DEPTH: u32 = 1_000;

/// A place in a script. Columns count bytes, as Kapacitor's messages do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pos {
    /// Bytes from the start of the text.
    pub offset: u32,
    /// Line number, from 1.
    pub line: u32,
    /// Byte in its line, from 1.
    pub column: u32,
}

/// `line 3 char 7`
impl fmt::Display for Pos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} char {}", self.line, self.column)
    }
}

/// The comment before an element: blocks of `//` lines, parted by blank lines in the script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comment {
    /// The blocks in order; each holds its lines without slashes and outer white space.
    pub blocks: Vec<Vec<Arc<str>>>,
}

/// A whole script.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// Its statements in order.
    pub statements: Vec<Statement>,
}

/// One statement with the place where it starts.
#[derive(Clone, Debug)]
pub struct Statement {
    /// Its first token.
    pub pos: Pos,
    /// What it says.
    pub kind: StatementKind,
    /// The comment above it.
    pub comment: Option<Comment>,
}

/// The kinds of statement.
#[derive(Clone, Debug)]
pub enum StatementKind {
    /// `var name = value`
    Declaration {
        /// The name that is declared.
        name: Ident,
        /// What it is bound to.
        value: Expr,
    },
    /// `var name type`: a var the user must supply.
    TypeDeclaration {
        /// The name that is declared.
        name: Ident,
        /// The type word as written; may be unknown.
        kind: Ident,
    },
    /// `dbrp "database"."retention policy"`
    Dbrp {
        /// The database.
        database: Arc<str>,
        /// Its retention policy.
        retention_policy: Arc<str>,
    },
    /// A chain or any other expression standing alone.
    Expression(Expr),
    /// Comments with nothing after them.
    Trailing,
}

/// A name with its place.
#[derive(Clone, Debug)]
pub struct Ident {
    /// The name.
    pub name: Arc<str>,
    /// Where it stands.
    pub pos: Pos,
}

/// An expression with the place errors about it name: the first byte of a literal or name, the
/// operator of a binary or unary.
#[derive(Clone, Debug)]
pub struct Expr {
    /// Where it stands.
    pub pos: Pos,
    /// What it is.
    pub kind: ExprKind,
    /// The comment before it.
    pub comment: Option<Comment>,
    /// Levels of nesting below, itself included; at most [`MAX_DEPTH`].
    pub depth: u32,
}

/// The kinds of expression. In an expression held by a [`Lambda`] neither `Identifier`, `List`,
/// `Chain` nor comments occur.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// `42`, or `052` when `octal`.
    Int {
        /// Its value.
        value: i64,
        /// Written with a leading zero, base 8.
        octal: bool,
    },
    /// `4.2`
    Float(f64),
    /// `'text'`, or `'''text'''` when `raw`.
    String {
        /// The text, escapes resolved.
        value: Arc<str>,
        /// Written with triple quotes.
        raw: bool,
    },
    /// `TRUE` or `FALSE`
    Bool(bool),
    /// `5m`
    Duration {
        /// Its length.
        value: Duration,
        /// As spelt in the script.
        literal: Arc<str>,
    },
    /// `/text/`
    Regex(Pattern),
    /// `*`
    Star,
    /// `"name"`: a field, a tag, an earlier eval result or the time of a point.
    Reference(Arc<str>),
    /// A var or the root.
    Identifier(Arc<str>),
    /// `-x` or `!x`
    Unary {
        /// Which of the two.
        op: UnaryOp,
        /// What it applies to.
        operand: Box<Expr>,
    },
    /// `left op right`
    Binary {
        /// The operator.
        op: BinaryOp,
        /// The left operand.
        left: Box<Expr>,
        /// The right operand.
        right: Box<Expr>,
        /// Written in parentheses.
        parens: bool,
        /// The operands start on different lines.
        multi_line: bool,
    },
    /// `name(args)`: a function inside a lambda, or a global function outside.
    Call(Call),
    /// `['a', b, *]`
    List(Vec<Expr>),
    /// `lambda: expression`. Inside a lambda: an inlined lambda var, with state of its own.
    Lambda(Arc<Expr>),
    /// `head|link().link()@link()`
    Chain {
        /// The var, root or global call it starts with.
        head: Box<Expr>,
        /// At least one link.
        links: Vec<Link>,
    },
}

/// A function, method or property call.
#[derive(Clone, Debug)]
pub struct Call {
    /// The name as written.
    pub name: Arc<str>,
    /// The arguments in order.
    pub args: Vec<Expr>,
    /// A line break stands before the last argument: one argument per line.
    pub multi_line: bool,
}

/// One step of a chain.
#[derive(Clone, Debug)]
pub struct Link {
    /// `|`, `.` or `@`.
    pub op: ChainOp,
    /// Where the operator stands.
    pub op_pos: Pos,
    /// Where the name stands.
    pub pos: Pos,
    /// The comment before the operator or the name.
    pub comment: Option<Comment>,
    /// What is called, or named without parentheses.
    pub target: LinkTarget,
}

/// The right side of a chain operator.
#[derive(Clone, Debug)]
pub enum LinkTarget {
    /// `f(x)`
    Call(Call),
    /// `f`: parses after `.` and `@`, and does not evaluate.
    Name(Arc<str>),
}

/// How a link is tied to what stands before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChainOp {
    /// `|`: a new child node.
    Chain,
    /// `.`: a property of the same node.
    Property,
    /// `@`: a user-defined function as child node.
    Dynamic,
}

impl ChainOp {
    /// The operator as written.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Chain => "|",
            Self::Property => ".",
            Self::Dynamic => "@",
        }
    }
}

/// Operators with one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnaryOp {
    /// `-`
    Minus,
    /// `!`
    Not,
}

impl UnaryOp {
    /// The operator as written.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Minus => "-",
            Self::Not => "!",
        }
    }
}

/// Operators with two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BinaryOp {
    /// `OR`
    Or,
    /// `AND`
    And,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Match,
    /// `!~`
    NotMatch,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `+`
    Plus,
    /// `-`
    Minus,
    /// `*`
    Times,
    /// `/`
    Divide,
    /// `%`
    Modulo,
}

impl BinaryOp {
    /// The operator as written.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Or => "OR",
            Self::And => "AND",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Match => "=~",
            Self::NotMatch => "!~",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Plus => "+",
            Self::Minus => "-",
            Self::Times => "*",
            Self::Divide => "/",
            Self::Modulo => "%",
        }
    }

    /// How tight it binds, 0 (`OR`) to 5 (`*`).
    pub fn precedence(self) -> u8 {
        match self {
            Self::Or => 0,
            Self::And => 1,
            Self::Equal | Self::NotEqual | Self::Match | Self::NotMatch => 2,
            Self::Less | Self::LessEqual | Self::Greater | Self::GreaterEqual => 3,
            Self::Plus | Self::Minus => 4,
            Self::Times | Self::Divide | Self::Modulo => 5,
        }
    }

    /// `+ - * / %`, called "math" in messages.
    pub fn is_math(self) -> bool {
        self.precedence() >= 4
    }

    /// `== != =~ !~ < <= > >=`, called "comparison" in messages.
    pub fn is_comparison(self) -> bool {
        matches!(self.precedence(), 2 | 3)
    }

    /// `AND OR`, called "logical" in messages.
    pub fn is_logical(self) -> bool {
        self.precedence() <= 1
    }
}

/// A lambda ready to be compiled: identifiers are already replaced by literals of their var's value,
/// and a var that is itself a lambda stands as a nested [`ExprKind::Lambda`] with state of its own.
#[derive(Clone, Debug)]
pub struct Lambda {
    /// The expression after `lambda:`.
    pub expr: Arc<Expr>,
}

impl Lambda {
    /// `lambda: TRUE`, which stands for a missing lambda while a template is checked.
    pub fn always() -> Self {
        let kind = ExprKind::Bool(true);
        Self { expr: Arc::new(Expr { pos: Pos::default(), kind, comment: None, depth: 1 }) }
    }
}

//! A deserializer around another one: passes everything on, and charges lists, texts and bytes.

use std::cell::Cell;
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};

/// Bytes that the largest element of a list has in memory. Room for a list is made in advance only as
/// far as the budget goes with elements of this size.
const LARGEST: usize = 144;
/// Elements up to this size may be copied once more, into an `Arc` of them.
const SHARED: usize = 40;
/// Bytes that an `Arc` costs besides its content, rounding included.
const ARC: usize = 24;
/// Bytes that serde makes room for in advance at most.
const ADVANCE: usize = 1024 * 1024;

/// Bytes of memory that may still be used.
pub(super) struct Budget(Cell<usize>);

impl Budget {
    pub(super) fn new(bytes: usize) -> Self {
        Self(Cell::new(bytes))
    }

    pub(super) fn meter<T>(&self, inner: T) -> Metered<'_, T> {
        Metered { inner, budget: self }
    }

    fn charge<E: Error>(&self, bytes: usize) -> Result<(), E> {
        let left = self.0.get().checked_sub(bytes);
        self.0.set(left.ok_or_else(|| E::custom("larger in memory than its bytes justify"))?);
        Ok(())
    }
}

/// Something of serde's, under a budget.
pub(super) struct Metered<'b, T> {
    inner: T,
    budget: &'b Budget,
}

/// Forwards what neither nests nor allocates.
macro_rules! pass {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.inner.$method(visitor)
        })*
    };
}

/// Forwards with a visitor that goes on metering.
macro_rules! meter {
    ($($method:ident($($name:ident: $type:ty),*))*) => {
        $(fn $method<V: Visitor<'de>>(
            self,
            $($name: $type,)*
            visitor: V,
        ) -> Result<V::Value, D::Error> {
            self.inner.$method($($name,)* self.budget.meter(visitor))
        })*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Metered<'_, D> {
    type Error = D::Error;

    pass! {
        deserialize_bool
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_char deserialize_unit
        deserialize_identifier deserialize_ignored_any
    }

    meter! {
        deserialize_any()
        deserialize_str() deserialize_string() deserialize_bytes() deserialize_byte_buf()
        deserialize_option() deserialize_map()
        deserialize_unit_struct(name: &'static str)
        deserialize_newtype_struct(name: &'static str)
        deserialize_tuple(len: usize)
        deserialize_tuple_struct(name: &'static str, len: usize)
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_seq(self.budget.meter(List(visitor)))
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// A visitor of a list, as against one of a structure or tuple, which lies where its parent does.
struct List<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for Metered<'_, List<V>> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.0.expecting(f)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<V::Value, A::Error> {
        let elements = Elements { seq, budget: self.budget, len: 0, room: Cell::new(0), paid: 0 };
        self.inner.0.visit_seq(elements)
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Metered<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<V::Value, E> {
        self.budget.charge(2 * text.len() + ARC)?;
        self.inner.visit_str(text)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<V::Value, E> {
        self.budget.charge(2 * text.len() + ARC)?;
        self.inner.visit_borrowed_str(text)
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<V::Value, E> {
        self.budget.charge(bytes.len() + ARC)?;
        self.inner.visit_bytes(bytes)
    }

    fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<V::Value, E> {
        self.budget.charge(bytes.len() + ARC)?;
        self.inner.visit_borrowed_bytes(bytes)
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, some: D) -> Result<V::Value, D::Error> {
        self.inner.visit_some(self.budget.meter(some))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, of: D) -> Result<V::Value, D::Error> {
        self.inner.visit_newtype_struct(self.budget.meter(of))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, fields: A) -> Result<V::Value, A::Error> {
        self.inner.visit_seq(self.budget.meter(fields))
    }

    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<V::Value, A::Error> {
        Err(A::Error::custom("a message has no maps: what they cost is not known"))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, of: A) -> Result<V::Value, A::Error> {
        self.inner.visit_enum(self.budget.meter(of))
    }
}

/// Fields of a structure or tuple.
impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Metered<'_, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.inner.next_element_seed(self.budget.meter(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

/// Elements of a list, whose buffer is charged as it grows.
struct Elements<'b, A> {
    seq: A,
    budget: &'b Budget,
    /// Elements read.
    len: usize,
    /// Elements that room was promised for in advance.
    room: Cell<usize>,
    /// Elements whose room is charged.
    paid: usize,
}

impl<'de, A: SeqAccess<'de>> Elements<'_, A> {
    fn charge_next(&mut self, size: usize) -> Result<(), A::Error> {
        if self.len == 0 {
            self.room.set(self.room.get().min(ADVANCE / size.max(1)));
            self.grow(size, self.room.get())?;
        }
        if self.len == self.paid {
            self.grow(size, (2 * self.paid).max(if size == 1 { 8 } else { 4 }))?;
        }
        self.len += 1;
        Ok(())
    }

    fn grow(&mut self, size: usize, room: usize) -> Result<(), A::Error> {
        let slots = if size <= SHARED { 2 * (room - self.paid) } else { room };
        self.paid = room;
        self.budget.charge(slots.saturating_mul(size))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Elements<'_, A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        if self.seq.size_hint() != Some(0) {
            self.charge_next(size_of::<S::Value>())?;
        } else if self.len == 0 {
            self.budget.charge(ARC)?;
        }
        self.seq.next_element_seed(self.budget.meter(seed))
    }

    fn size_hint(&self) -> Option<usize> {
        let room = self.seq.size_hint()?.min(self.budget.0.get() / LARGEST);
        self.room.set(room);
        Some(room)
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Metered<'_, S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, of: D) -> Result<S::Value, D::Error> {
        self.inner.deserialize(self.budget.meter(of))
    }
}

impl<'de, 'b, A: EnumAccess<'de>> EnumAccess<'de> for Metered<'b, A> {
    type Error = A::Error;
    type Variant = Metered<'b, A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), A::Error> {
        let (which, content) = self.inner.variant_seed(seed)?;
        Ok((which, self.budget.meter(content)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Metered<'_, A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.inner.newtype_variant_seed(self.budget.meter(seed))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.inner.tuple_variant(len, self.budget.meter(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.inner.struct_variant(fields, self.budget.meter(visitor))
    }
}

//! Parameters of statements, with their types, so that no statement has to be prepared before.

use tokio_postgres::types::{ToSql, Type};

/// A parameter.
pub type Value<'a> = (&'a (dyn ToSql + Sync), Type);

/// `text`.
pub fn text<'a>(value: &'a (dyn ToSql + Sync)) -> Value<'a> {
    (value, Type::TEXT)
}

/// `integer`.
pub fn int<'a>(value: &'a (dyn ToSql + Sync)) -> Value<'a> {
    (value, Type::INT4)
}

/// `bigint`.
pub fn bigint<'a>(value: &'a (dyn ToSql + Sync)) -> Value<'a> {
    (value, Type::INT8)
}

/// `double precision`.
pub fn double<'a>(value: &'a (dyn ToSql + Sync)) -> Value<'a> {
    (value, Type::FLOAT8)
}

/// `uuid`.
pub fn uuid<'a>(value: &'a (dyn ToSql + Sync)) -> Value<'a> {
    (value, Type::UUID)
}

/// `uuid[]`.
pub fn uuids<'a>(value: &'a (dyn ToSql + Sync)) -> Value<'a> {
    (value, Type::UUID_ARRAY)
}

//! `pkg/errors/generated.go`: kinds, the base class, and the classes with their hierarchy.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context, Result};

use super::HEADER;
use super::words::{aligned, comment, exported, filled, lower, sentence};
use crate::deviations;
use crate::schema::{ErrorKind, Field, Schema, Type};

/// Classes that programs make errors of: the kind, and the name that the function has where it is another one. What is to be
/// given besides the message follows from the statuses of the kind: those of a response have headers, and where there is not
/// one status, the status.
const MADE: [(&str, &str); 8] = [
    ("Authentication", ""),
    ("Authorization", "Forbidden"),
    ("NotFound", ""),
    ("Conflict", ""),
    ("Validation", ""),
    ("RateLimit", ""),
    ("Server", ""),
    ("Timeout", ""),
];

/// The file.
pub fn errors(schema: &Schema) -> Result<String> {
    let kinds = &schema.errors;
    let mut out = format!(
        "{HEADER}package errors\n\nimport (\n\t\"encoding/json\"\n\t\"fmt\"\n\t\"net/http\"\n\t\"time\"\n\n\t\"github.com/daytonaio/daytona/libs/sdk-go/pkg/types\"\n)\n\n// The kinds of errors, to be asked for with errors.Is.\nconst (\n"
    );
    for kind in kinds {
        let doc = format!("Err{}: {}", kind.name, lower(&sentence(&kind.doc)));
        writeln!(out, "{}\tErr{} Kind = {:?}", comment("\t", &doc), kind.name, kind.name)?;
    }
    out.push_str(")\n\n// Parent returns the more general kind, or \"\" when there is none.\nfunc (k Kind) Parent() Kind {\n\tswitch k {\n");
    let mut parents: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for kind in kinds {
        if let Some(parent) = &kind.parent {
            parents.entry(parent).or_default().push(&kind.name);
        }
    }
    for (parent, children) in &parents {
        let children: Vec<String> = children.iter().map(|name| format!("Err{name}")).collect();
        writeln!(out, "\tcase {}:\n\t\treturn Err{parent}", children.join(", "))?;
    }
    out.push_str("\t}\n\treturn \"\"\n}\n");
    base(&mut out, &schema.error.fields)?;
    from_status(&mut out, kinds)?;
    constructors(&mut out, kinds)?;
    let classes: Vec<&ErrorKind> = kinds.iter().filter(|kind| kind.name != "Unknown").collect();
    for kind in &classes {
        let (class, base) = (class(&kind.name), class(kind.parent.as_deref().unwrap_or_default()));
        let doc = format!("{class}: {}", lower(&sentence(&kind.doc)));
        writeln!(
            out,
            "\n{}type {class} struct {{\n\t*{base}\n}}\n\n// Unwrap returns the error as the more general one.\n\
             func (e *{class}) Unwrap() error {{ return e.{base} }}",
            comment("", &doc)
        )?;
    }
    out.push_str(
        "\n// classify returns the error as the class of its kind; unknown kinds stay what they are.\n\
         func classify(e *DaytonaError) error {\n\tswitch e.Kind {\n",
    );
    for kind in &classes {
        writeln!(out, "\tcase Err{}:\n\t\treturn {}", kind.name, construct(kinds, &kind.name)?)?;
    }
    out.push_str("\t}\n\treturn e\n}\n");
    Ok(out)
}

/// Name and type of a field of the base class, and the type that it is decoded as where that is another one.
fn field(of: &Field) -> Result<(String, String, String)> {
    let name =
        deviations::language("go").field("ErrorInfo", &of.name).map_or_else(|| exported(&of.name), str::to_owned);
    let (ty, wire) = match &of.ty {
        Type::String => ("string", "string"),
        Type::Bool => ("bool", "bool"),
        Type::Int => ("int", "int"),
        Type::Float => ("time.Duration", "float64"),
        Type::Map { .. } => ("http.Header", "map[string]string"),
        Type::List { of: item } => match &**item {
            Type::Struct { name: item } => {
                let list = format!("[]types.{item}");
                return Ok((name, list.clone(), list));
            }
            other => anyhow::bail!("ErrorInfo.{}: a list of {other:?} is of no use in an error", of.name),
        },
        other => anyhow::bail!("ErrorInfo.{}: {other:?} is of no use in an error", of.name),
    };
    Ok((name, ty.to_owned(), wire.to_owned()))
}

/// The base class, and how it is made of what the native library tells.
fn base(out: &mut String, fields: &[Field]) -> Result<()> {
    out.push_str("\n// DaytonaError is the base of every error.\ntype DaytonaError struct {\n");
    out.push_str("\t// Kind is what went wrong.\n\tKind Kind\n");
    let (mut told, mut made) = (vec![], vec![]);
    told.push(vec!["Kind".to_owned(), "Kind".to_owned(), "`json:\"kind\"`".to_owned()]);
    made.push(vec!["Kind:".to_owned(), "info.Kind,".to_owned()]);
    for of in fields {
        let (name, ty, wire) = field(of)?;
        let unset = match (of.optional, ty.as_str()) {
            (false, _) => "",
            (true, "string") => " Empty when it is not known.",
            (true, _) => " 0 when it is not known.",
        };
        let doc = super::words::of_duration(&sentence(&of.doc));
        writeln!(out, "{}\t{name} {ty}", filled("\t", &format!("{doc}{unset}")))?;
        told.push(vec![name.clone(), wire, format!("`json:{:?}`", of.wire)]);
        let value = match ty.as_str() {
            "time.Duration" => format!("time.Duration(info.{name} * float64(time.Second)),"),
            "http.Header" => "headers,".to_owned(),
            _ => format!("info.{name},"),
        };
        made.push(vec![format!("{name}:"), value]);
    }
    write!(
        out,
        "\n\tcause error\n}}\n\n// Decode makes an error from its description by the native library.\n\
         func Decode(description []byte) error {{\n\tvar info struct {{\n{}\t}}\n\
         \tif err := json.Unmarshal(description, &info); err != nil {{\n\
         \t\treturn New(ErrInternal, fmt.Sprintf(\"The native library's error cannot be read: %v\", err))\n\t}}\n\
         \theaders := http.Header{{}}\n\tfor name, value := range info.Headers {{\n\t\theaders.Set(name, value)\n\t}}\n\
         \treturn classify(&DaytonaError{{\n{}\t}})\n}}\n",
        aligned("\t\t", &told),
        aligned("\t\t", &made),
    )?;
    Ok(())
}

/// The kind that a status stands for.
fn from_status(out: &mut String, kinds: &[ErrorKind]) -> Result<()> {
    out.push_str(
        "\n// kindOf returns the kind that an HTTP status stands for.\nfunc kindOf(status int) Kind {\n\tswitch {\n",
    );
    for kind in kinds.iter().filter(|kind| !kind.statuses.is_empty()) {
        let ranges: Vec<String> = kind
            .statuses
            .iter()
            .map(|(from, to)| match from == to {
                true => format!("status == {from}"),
                false => format!("status >= {from} && status <= {to}"),
            })
            .collect();
        writeln!(out, "\tcase {}:\n\t\treturn Err{}", ranges.join(", "), kind.name)?;
    }
    out.push_str("\t}\n\treturn ErrUnknown\n}\n");
    Ok(())
}

/// The functions that make errors of a class.
fn constructors(out: &mut String, kinds: &[ErrorKind]) -> Result<()> {
    for (name, called) in MADE {
        let kind = kinds.iter().find(|kind| kind.name == name).with_context(|| format!("there is no kind {name}"))?;
        let class = class(if called.is_empty() { name } else { called });
        let (given, status, headers, what) = match kind.statuses.as_slice() {
            _ if name == "Timeout" => ("", "0".to_owned(), "nil", "for a deadline that passed".to_owned()),
            [(from, to)] if from == to => {
                (", headers http.Header", from.to_string(), "headers", format!("for HTTP status {from}"))
            }
            _ => (
                ", statusCode int, headers http.Header",
                "statusCode".to_owned(),
                "headers",
                "for an HTTP status of 500 or more".to_owned(),
            ),
        };
        writeln!(
            out,
            "\n// New{class} makes an error {what}.\nfunc New{class}(message string{given}) *{class} {{\n\
             \treturn &{class}{{made(Err{name}, message, {status}, {headers})}}\n}}"
        )?;
    }
    Ok(())
}

/// `&DaytonaFileNotFoundError{&DaytonaNotFoundError{e}}`
fn construct(kinds: &[ErrorKind], name: &str) -> Result<String> {
    let kind = kinds.iter().find(|kind| kind.name == name).with_context(|| format!("there is no kind {name}"))?;
    let inner = match &kind.parent {
        Some(parent) => construct(kinds, parent)?,
        None => "e".to_owned(),
    };
    Ok(format!("&{}{{{inner}}}", class(name)))
}

fn class(kind: &str) -> String {
    format!("Daytona{kind}Error")
}

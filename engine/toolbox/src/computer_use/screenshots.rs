//! `GET /computeruse/screenshot…`: pictures of the screen.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderName;
use serde_json::{Value, json};

use super::errors::display_failed;
use super::picture::Format;
use super::screen::{Area, Screen};
use super::{Purpose, with_screen};
use crate::errors::ApiError;
use crate::extract::Query;
use crate::{State, Toolbox};

/// The quality of a JPEG when the client says nothing.
const QUALITY: u8 = 85;

pub(super) fn routes() -> Router<Arc<Toolbox>> {
    Router::new()
        .route("/computeruse/screenshot", get(full))
        .route("/computeruse/screenshot/region", get(region))
        .route("/computeruse/screenshot/compressed", get(compressed))
        .route("/computeruse/screenshot/region/compressed", get(compressed_region))
}

type Answer = Result<([(HeaderName, String); 1], axum::Json<Value>), ApiError>;

/// Says how long the picture took here, apart from its way to the client.
const TIMING: HeaderName = HeaderName::from_static("server-timing");

/// How a picture is to be made.
pub(super) struct Wish {
    region: Option<Area>,
    with_pointer: bool,
    format: Format,
    quality: u8,
    scale: f64,
}

impl Wish {
    /// Of the whole screen without the pointer, in this form.
    pub(super) fn new(format: Option<&str>, quality: Option<i64>, scale: Option<f64>) -> Result<Self, ApiError> {
        let name = format.filter(|name| !name.is_empty()).unwrap_or("png");
        let Some(format) = Format::of(name) else {
            return Err(ApiError::bad_request(format!("format is {name:?}; it must be png, jpeg or webp")));
        };
        let quality = quality.unwrap_or(QUALITY.into());
        let Some(quality) = u8::try_from(quality).ok().filter(|quality| (1..=100).contains(quality)) else {
            return Err(ApiError::bad_request(format!("quality is {quality}; it must be from 1 to 100")));
        };
        let scale = scale.unwrap_or(1.0);
        if !(0.1..=1.0).contains(&scale) {
            return Err(ApiError::bad_request(format!("scale is {scale}; it must be from 0.1 to 1")));
        }
        Ok(Self { region: None, with_pointer: false, format, quality, scale })
    }

    /// The same, with the pointer in it or without.
    pub(super) fn with_pointer(self, with_pointer: bool) -> Self {
        Self { with_pointer, ..self }
    }
}

async fn full(toolbox: State, query: Query) -> Answer {
    take(toolbox, plain(&query, None)).await
}

async fn region(toolbox: State, query: Query) -> Answer {
    let region = read_region(&query)?;
    take(toolbox, plain(&query, Some(region))).await
}

async fn compressed(toolbox: State, query: Query) -> Answer {
    let wish = formed(&query, None)?;
    take(toolbox, wish).await
}

async fn compressed_region(toolbox: State, query: Query) -> Answer {
    let region = read_region(&query)?;
    let wish = formed(&query, Some(region))?;
    take(toolbox, wish).await
}

fn plain(query: &Query, region: Option<Area>) -> Wish {
    Wish { region, with_pointer: wants_pointer(query), format: Format::Png, quality: QUALITY, scale: 1.0 }
}

fn wants_pointer(query: &Query) -> bool {
    query.is_true(if query.text("show_cursor").is_some() { "show_cursor" } else { "showCursor" })
}

fn formed(query: &Query, region: Option<Area>) -> Result<Wish, ApiError> {
    let (quality, scale) = (query.number("quality")?, query.number("scale")?);
    let wish = Wish::new(query.text("format").as_deref(), quality, scale)?;
    Ok(Wish { with_pointer: wants_pointer(query), region, ..wish })
}

fn read_region(query: &Query) -> Result<Area, ApiError> {
    let number = |name| {
        query.number::<i32>(name)?.ok_or_else(|| ApiError::bad_request(format!("the parameter {name} is missing")))
    };
    let (x, y, width, height) = (number("x")?, number("y")?, number("width")?, number("height")?);
    match (u32::try_from(width), u32::try_from(height)) {
        (Ok(width @ 1..), Ok(height @ 1..)) => Ok(Area { x, y, width, height }),
        _ => Err(ApiError::bad_request(format!("the region is {width} x {height} pixels; it must be at least 1 x 1"))),
    }
}

async fn take(toolbox: State, wish: Wish) -> Answer {
    let made = with_screen(toolbox, Purpose::View, move |screen| {
        let begun = Instant::now();
        Ok((answer(screen, &wish)?, begun.elapsed()))
    });
    let (answer, took) = made.await?;
    let timing = format!("picture;dur={:.3}", took.as_secs_f64() * 1000.0);
    Ok(([(TIMING, timing)], axum::Json(answer)))
}

/// The picture and what is told of it.
pub(super) fn answer(screen: &mut Screen, wish: &Wish) -> Result<Value, ApiError> {
    let (width, height) = screen.size().map_err(display_failed)?;
    let all = Area { x: 0, y: 0, width: width.into(), height: height.into() };
    let area = match wish.region {
        None => all,
        Some(region) => common(region, all).ok_or_else(|| {
            ApiError::bad_request(format!("the region is outside the screen, which is {width} x {height} pixels"))
        })?,
    };
    let picture = screen.picture(area, wish.with_pointer).map_err(display_failed)?;
    let picture = if wish.scale < 1.0 { picture.scaled(wish.scale) } else { picture };
    let file = picture.encode(wish.format, wish.quality).map_err(display_failed)?;
    let mut answer = json!({
        "screenshot": STANDARD.encode(&file),
        "sizeBytes": file.len(),
        "width": picture.width,
        "height": picture.height,
    });
    if wish.with_pointer {
        let (x, y) = screen.pointer().map_err(display_failed)?;
        answer["cursorPosition"] = json!({ "x": x, "y": y });
    }
    Ok(answer)
}

/// What two areas have in common.
fn common(one: Area, other: Area) -> Option<Area> {
    let end = |area: &Area| (i64::from(area.x) + i64::from(area.width), i64::from(area.y) + i64::from(area.height));
    let (x, y) = (one.x.max(other.x), one.y.max(other.y));
    let (right, bottom) = (end(&one).0.min(end(&other).0), end(&one).1.min(end(&other).1));
    let width = u32::try_from(right - i64::from(x)).ok().filter(|width| *width > 0)?;
    let height = u32::try_from(bottom - i64::from(y)).ok().filter(|height| *height > 0)?;
    Some(Area { x, y, width, height })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_cut_to_the_screen() {
        let screen = Area { x: 0, y: 0, width: 100, height: 50 };
        let area = |x, y, width, height| Area { x, y, width, height };
        assert_eq!(common(area(-10, 40, 30, 30), screen), Some(area(0, 40, 20, 10)));
        assert_eq!(common(area(i32::MAX, 0, u32::MAX, 1), screen), None);
        assert_eq!(common(area(100, 0, 1, 1), screen), None);
        assert_eq!(common(screen, screen), Some(screen));
    }
}

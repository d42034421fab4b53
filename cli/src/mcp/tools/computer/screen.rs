//! What the screen shows.

use std::fmt::Write as _;

use daytona::model::{ScreenshotCursorOptions, ScreenshotOptions, ScreenshotRegion, ScreenshotResponse};
use serde_json::json;

use super::{Access, Arguments, ID, Kind, Parameter, Refusal, Reply, Report, SET, Server, Tool, desktop};
use super::{optional, required, run};
use crate::mcp::reply::Picture;

const X: Parameter = required("x", Kind::Number(None, None), "");
const Y: Parameter = required("y", Kind::Number(None, None), "");
const WIDTH: Parameter = required("width", Kind::Number(Some(1), None), "");
const HEIGHT: Parameter = required("height", Kind::Number(Some(1), None), "");
const CURSOR: Parameter = optional("showCursor", Kind::Flag, "");
const FORMAT: Parameter = optional("format", Kind::OneOf(&["png", "jpeg", "webp"]), "Default jpeg");
const QUALITY: Parameter = optional("quality", Kind::Number(Some(1), Some(100)), "");
const SCALE: Parameter = optional("scale", Kind::Number(None, Some(1)), "Such as 0.5");

pub static TOOLS: &[Tool] = &[
    Tool {
        name: "computer_use_screenshot",
        title: "Screenshot",
        set: SET,
        access: Access::Reads,
        description: "Take a picture of the screen.",
        parameters: &[CURSOR, ID],
        run: run!(full),
    },
    Tool {
        name: "computer_use_screenshot_region",
        title: "Screenshot of a region",
        set: SET,
        access: Access::Reads,
        description: "Take a picture of a part of the screen.",
        parameters: &[X, Y, WIDTH, HEIGHT, CURSOR, ID],
        run: run!(part),
    },
    Tool {
        name: "computer_use_screenshot_compressed",
        title: "Small screenshot",
        set: SET,
        access: Access::Reads,
        description: "Take a smaller picture of the screen.",
        parameters: &[FORMAT, QUALITY, SCALE, CURSOR, ID],
        run: run!(compressed),
    },
    Tool {
        name: "computer_use_screenshot_compressed_region",
        title: "Small screenshot of a region",
        set: SET,
        access: Access::Reads,
        description: "Take a smaller picture of a part of the screen.",
        parameters: &[X, Y, WIDTH, HEIGHT, FORMAT, QUALITY, SCALE, CURSOR, ID],
        run: run!(compressed_part),
    },
    Tool {
        name: "computer_use_display_info",
        title: "Displays",
        set: SET,
        access: Access::Reads,
        description: "Displays and their sizes.",
        parameters: &[ID],
        run: run!(displays),
    },
    Tool {
        name: "computer_use_windows",
        title: "Windows",
        set: SET,
        access: Access::Reads,
        description: "Open windows.",
        parameters: &[ID],
        run: run!(windows),
    },
];

fn region(arguments: &Arguments) -> Result<ScreenshotRegion, Refusal> {
    let number = |name| arguments.needed_whole(name);
    Ok(ScreenshotRegion { x: number("x")?, y: number("y")?, width: number("width")?, height: number("height")? })
}

fn cursor(arguments: &Arguments) -> Result<ScreenshotCursorOptions, Refusal> {
    Ok(ScreenshotCursorOptions { show_cursor: arguments.flag("showCursor")? })
}

fn form(arguments: &Arguments) -> Result<ScreenshotOptions, Refusal> {
    Ok(ScreenshotOptions {
        show_cursor: arguments.flag("showCursor")?,
        format: Some(arguments.optional_name("format")?.unwrap_or_else(|| "jpeg".to_owned())),
        quality: arguments.whole("quality")?,
        scale: arguments.number("scale")?,
    })
}

/// The picture as one; its bytes are not in the data once more.
fn shown(taken: ScreenshotResponse, format: Option<&str>) -> Reply {
    let media_type = match format {
        None | Some("png") => "image/png",
        Some("webp") => "image/webp",
        Some(_) => "image/jpeg",
    };
    let text = format!("{} x {}", taken.width, taken.height);
    let data = json!({ "width": taken.width, "height": taken.height, "cursorPosition": taken.cursor_position });
    Reply::new(text, data).with_pictures(vec![Picture { base64: taken.screenshot, media_type }])
}

async fn full(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let screen = desktop(server, &arguments).await?.screenshot();
    Ok(shown(screen.take_full_screen(cursor(&arguments)?).await?, None))
}

async fn part(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let region = region(&arguments)?;
    let screen = desktop(server, &arguments).await?.screenshot();
    Ok(shown(screen.take_region(region, cursor(&arguments)?).await?, None))
}

async fn compressed(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let options = form(&arguments)?;
    let format = options.format.clone();
    let taken = desktop(server, &arguments).await?.screenshot().take_compressed(options).await?;
    Ok(shown(taken, format.as_deref()))
}

async fn compressed_part(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let (region, options) = (region(&arguments)?, form(&arguments)?);
    let format = options.format.clone();
    let taken = desktop(server, &arguments).await?.screenshot().take_compressed_region(region, options).await?;
    Ok(shown(taken, format.as_deref()))
}

async fn displays(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let info = desktop(server, &arguments).await?.display().get_info().await?;
    let mut text = String::new();
    for display in &info.displays {
        let _ = writeln!(text, "{}: {} x {} at {},{}", display.id, display.width, display.height, display.x, display.y);
    }
    Ok(Reply::new(text, info))
}

async fn windows(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let found = desktop(server, &arguments).await?.display().get_windows().await?;
    let mut text = String::new();
    for window in &found.windows {
        let active = if window.is_active { " (active)" } else { "" };
        let (width, height, x, y) = (window.width, window.height, window.x, window.y);
        let _ = writeln!(text, "{}: {width} x {height} at {x},{y}{active} {}", window.id, window.title);
    }
    Ok(Reply::new(text, found))
}

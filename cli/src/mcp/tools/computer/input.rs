//! Mouse and keyboard.

use daytona::model::{
    KeyboardPressOptions, KeyboardTypeOptions, MouseClickOptions, MouseDragOptions, MousePositionResponse,
    MouseScrollOptions,
};
use serde_json::json;

use super::{Access, Arguments, ID, Kind, Parameter, Refusal, Reply, Report, SET, Server, Tool, desktop};
use super::{optional, required, run};

const X: Parameter = required("x", Kind::Number(None, None), "");
const Y: Parameter = required("y", Kind::Number(None, None), "");
const BUTTON: Parameter = optional("button", Kind::OneOf(&["left", "right", "middle"]), "Default left");

pub static TOOLS: &[Tool] = &[
    Tool {
        name: "computer_use_mouse_position",
        title: "Mouse position",
        set: SET,
        access: Access::Reads,
        description: "Where the pointer is.",
        parameters: &[ID],
        run: run!(position),
    },
    Tool {
        name: "computer_use_mouse_move",
        title: "Move mouse",
        set: SET,
        access: Access::Destroys,
        description: "Move the pointer.",
        parameters: &[X, Y, ID],
        run: run!(move_to),
    },
    Tool {
        name: "computer_use_mouse_click",
        title: "Click",
        set: SET,
        access: Access::Destroys,
        description: "Click at a point.",
        parameters: &[X, Y, BUTTON, optional("double", Kind::Flag, ""), ID],
        run: run!(click),
    },
    Tool {
        name: "computer_use_mouse_drag",
        title: "Drag",
        set: SET,
        access: Access::Destroys,
        description: "Drag from a point to another.",
        parameters: &[
            required("startX", Kind::Number(None, None), ""),
            required("startY", Kind::Number(None, None), ""),
            required("endX", Kind::Number(None, None), ""),
            required("endY", Kind::Number(None, None), ""),
            BUTTON,
            ID,
        ],
        run: run!(drag),
    },
    Tool {
        name: "computer_use_mouse_scroll",
        title: "Scroll",
        set: SET,
        access: Access::Destroys,
        description: "Turn the wheel at a point.",
        parameters: &[
            X,
            Y,
            required("direction", Kind::OneOf(&["up", "down"]), ""),
            optional("amount", Kind::Number(Some(1), Some(100)), "Default 1"),
            ID,
        ],
        run: run!(scroll),
    },
    Tool {
        name: "computer_use_keyboard_type",
        title: "Type",
        set: SET,
        access: Access::Destroys,
        description: "Type a text.",
        parameters: &[
            required("text", Kind::Text, ""),
            optional("delay", Kind::Number(Some(0), Some(10_000)), "Milliseconds between keys"),
            ID,
        ],
        run: run!(type_text),
    },
    Tool {
        name: "computer_use_keyboard_press",
        title: "Press key",
        set: SET,
        access: Access::Destroys,
        description: "Press a key, such as Return.",
        parameters: &[
            required("key", Kind::Text, ""),
            optional("modifiers", Kind::Strings, "ctrl, alt, shift, super"),
            ID,
        ],
        run: run!(press),
    },
    Tool {
        name: "computer_use_keyboard_hotkey",
        title: "Press keys together",
        set: SET,
        access: Access::Destroys,
        description: "Press keys together, such as ctrl+c.",
        parameters: &[required("keys", Kind::Text, ""), ID],
        run: run!(hotkey),
    },
];

fn point(arguments: &Arguments) -> Result<(i64, i64), Refusal> {
    Ok((arguments.needed_whole("x")?, arguments.needed_whole("y")?))
}

fn at(place: &MousePositionResponse) -> Reply {
    Reply::new(format!("The pointer is at {},{}.", place.x, place.y), place)
}

async fn position(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    Ok(at(&desktop(server, &arguments).await?.mouse().get_position().await?))
}

async fn move_to(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let (x, y) = point(&arguments)?;
    Ok(at(&desktop(server, &arguments).await?.mouse().move_to(x, y).await?))
}

async fn click(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let (x, y) = point(&arguments)?;
    let (button, double) = (arguments.optional_name("button")?, arguments.flag("double")?);
    let options = MouseClickOptions { button, double, ..Default::default() };
    let clicked = desktop(server, &arguments).await?.mouse().click(x, y, options).await?;
    Ok(Reply::new(format!("Clicked at {},{}.", clicked.x, clicked.y), clicked))
}

async fn drag(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let number = |name| arguments.needed_whole(name);
    let (start_x, start_y, end_x, end_y) = (number("startX")?, number("startY")?, number("endX")?, number("endY")?);
    let options = MouseDragOptions { button: arguments.optional_name("button")?, ..Default::default() };
    let dragged = desktop(server, &arguments).await?.mouse().drag(start_x, start_y, end_x, end_y, options).await?;
    Ok(Reply::new(format!("Dragged to {},{}.", dragged.x, dragged.y), dragged))
}

async fn scroll(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let (x, y) = point(&arguments)?;
    let direction = arguments.text("direction")?;
    let options = MouseScrollOptions { amount: arguments.whole("amount")?, ..Default::default() };
    let success = desktop(server, &arguments).await?.mouse().scroll(x, y, &direction, options).await?;
    Ok(Reply::new(format!("Scrolled {direction}."), json!({ "success": success })))
}

async fn type_text(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let text = arguments.text("text")?;
    let options = KeyboardTypeOptions { delay: arguments.whole("delay")? };
    desktop(server, &arguments).await?.keyboard().type_text(&text, options).await?;
    let typed = text.chars().count();
    Ok(Reply::new(format!("Typed {typed} characters."), json!({ "typed": typed })))
}

async fn press(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let key = arguments.text("key")?;
    let options = KeyboardPressOptions { modifiers: arguments.structure("modifiers", "a list of texts")? };
    desktop(server, &arguments).await?.keyboard().press(&key, options).await?;
    Ok(Reply::new(format!("Pressed {key}."), json!({ "key": key })))
}

async fn hotkey(server: &Server, arguments: Arguments, _: Report<'_>) -> Result<Reply, Refusal> {
    let keys = arguments.text("keys")?;
    desktop(server, &arguments).await?.keyboard().hotkey(&keys).await?;
    Ok(Reply::new(format!("Pressed {keys}."), json!({ "keys": keys })))
}

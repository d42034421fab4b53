//! The desktop: mouse, keyboard, pictures of the screen, recordings, and an agent that works on it.
//!
//! ```text
//! DAYTONA_API_URL=local cargo run -p daytona --example desktop
//! ```

use std::time::Duration;

use daytona::model::{
    AccessibilityFindOptions, ActOptions, CreateSandboxParams, DesktopAction, KeyboardTypeOptions, MouseClickOptions,
    MouseScrollOptions, RecordingOptions, ScreenshotCursorOptions, ScreenshotOptions, ScreenshotResponse,
    TrajectoryOptions,
};
use daytona::{Client, Config, Result, Sandbox};
use tokio::time::sleep;

async fn start(sandbox: &Sandbox) -> Result<()> {
    // region: start
    sandbox.computer_use().start().await?;
    println!("{}", sandbox.computer_use().get_status().await?.status);
    // endregion
    Ok(())
}

async fn keyboard(sandbox: &Sandbox) -> Result<()> {
    // region: keyboard
    sandbox.process().exec("mousepad notes.txt >/dev/null 2>&1 &", Default::default()).await?;
    let display = sandbox.computer_use().display();
    while !display.get_windows().await?.windows.iter().any(|window| window.title.contains("notes") && window.is_active)
    {
        sleep(Duration::from_millis(100)).await;
    }

    let keyboard = sandbox.computer_use().keyboard();
    keyboard.type_text("Grüße 👋\n", KeyboardTypeOptions::default()).await?;
    keyboard.hotkey("ctrl+s").await?;
    // endregion
    saved(sandbox, "Grüße").await
}

async fn mouse(sandbox: &Sandbox) -> Result<()> {
    // region: mouse
    let info = sandbox.computer_use().display().get_info().await?;
    let (x, y) = info.primary_display.map_or((0, 0), |screen| (screen.width / 2, screen.height / 2));
    let mouse = sandbox.computer_use().mouse();
    mouse.click(x, y, MouseClickOptions::default()).await?;
    mouse.scroll(x, y, "down", MouseScrollOptions { amount: Some(3), ..Default::default() }).await?;
    // endregion
    Ok(())
}

async fn screenshot(sandbox: &Sandbox) -> Result<()> {
    // region: screenshot
    let screenshot = sandbox.computer_use().screenshot();
    let picture = screenshot.take_full_screen(ScreenshotCursorOptions { show_cursor: Some(true) }).await?;
    println!("{} x {} pixels", picture.width, picture.height);

    let options = ScreenshotOptions {
        format: Some("jpeg".to_owned()),
        quality: Some(70),
        scale: Some(0.5),
        ..Default::default()
    };
    let small = screenshot.take_compressed(options).await?;
    println!("{} x {} pixels, {:?} bytes", small.width, small.height, small.size_bytes);
    // endregion
    Ok(())
}

async fn recording(sandbox: &Sandbox) -> Result<()> {
    // region: recording
    let recordings = sandbox.computer_use().recording();
    let recording = recordings.start(RecordingOptions { label: Some("tour".to_owned()) }).await?;
    sandbox.computer_use().mouse().move_to(200, 200).await?;
    recordings.stop(&recording.id).await?;

    recordings.download(&recording.id, "tour.mp4").await?;
    // endregion
    std::fs::remove_file("tour.mp4").expect("the file is there");
    Ok(())
}

async fn accessibility(sandbox: &Sandbox) -> Result<()> {
    // region: accessibility
    let tree = sandbox.computer_use().accessibility();
    let wanted = AccessibilityFindOptions {
        scope: Some("all".to_owned()),
        role: Some("text".to_owned()),
        states: Some(vec!["editable".to_owned(), "showing".to_owned()]),
        ..Default::default()
    };
    let found = tree.find_nodes(wanted).await?;
    for node in &found.matches {
        tree.focus_node(&node.id).await?;
        tree.set_node_value(&node.id, "Set by its place in the tree.\n").await?;
    }
    // endregion
    assert!(!found.matches.is_empty());
    Ok(())
}

enum Action {
    Click(i64, i64),
    Type(&'static str),
    Hotkey(&'static str),
    Done,
}

/// Stands for a model that looks at the screen and says what to do next.
fn model(picture: &ScreenshotResponse, step: usize) -> Action {
    match step {
        0 => Action::Click(picture.width / 2, picture.height / 2),
        1 => Action::Type("Written by an agent.\n"),
        2 => Action::Hotkey("ctrl+s"),
        _ => Action::Done,
    }
}

async fn agent(sandbox: &Sandbox) -> Result<()> {
    // region: agent
    let desktop = sandbox.computer_use();
    for step in 0..50 {
        let picture = desktop.screenshot().take_compressed(ScreenshotOptions::default()).await?;
        match model(&picture, step) {
            Action::Click(x, y) => {
                desktop.mouse().click(x, y, MouseClickOptions::default()).await?;
            }
            Action::Type(text) => desktop.keyboard().type_text(text, KeyboardTypeOptions::default()).await?,
            Action::Hotkey(keys) => desktop.keyboard().hotkey(keys).await?,
            Action::Done => break,
        }
    }
    // endregion
    saved(sandbox, "agent").await
}

async fn act(sandbox: &Sandbox) -> Result<()> {
    // region: act
    let action = |name: &str| DesktopAction { action: name.to_owned(), ..Default::default() };
    let actions = vec![
        DesktopAction { x: Some(640), y: Some(360), ..action("click") },
        DesktopAction { text: Some("Several at once.\n".to_owned()), ..action("type") },
        DesktopAction { keys: Some("ctrl+s".to_owned()), ..action("hotkey") },
    ];
    let options = ActOptions { format: Some("jpeg".to_owned()), scale: Some(0.5), ..Default::default() };
    let done = sandbox.computer_use().act(actions, options).await?;
    println!("{} actions, the screen is at rest: {}", done.actions, done.at_rest);
    println!("and shown in {:?} bytes", done.screenshot.and_then(|picture| picture.size_bytes));
    // endregion
    saved(sandbox, "at once").await
}

async fn trajectory(sandbox: &Sandbox) -> Result<()> {
    // region: trajectory
    let desktop = sandbox.computer_use();
    desktop.start_trajectory(TrajectoryOptions { label: Some("Notes".to_owned()) }).await?;
    desktop.mouse().click(640, 360, MouseClickOptions::default()).await?;
    desktop.keyboard().type_text("Step by step.\n", KeyboardTypeOptions::default()).await?;
    let recorded = desktop.stop_trajectory().await?;

    sandbox.fs().download_to_path(&recorded.file_path, "trajectory.html", Default::default()).await?;
    // endregion
    std::fs::remove_file("trajectory.html").expect("the file is there");
    assert_eq!(recorded.actions, 2);
    Ok(())
}

/// Waits until the editor has written a text.
async fn saved(sandbox: &Sandbox, text: &str) -> Result<()> {
    while !sandbox.process().exec("cat notes.txt", Default::default()).await?.result.contains(text) {
        sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

async fn tour(sandbox: &Sandbox) -> Result<()> {
    start(sandbox).await?;
    keyboard(sandbox).await?;
    mouse(sandbox).await?;
    screenshot(sandbox).await?;
    recording(sandbox).await?;
    accessibility(sandbox).await?;
    agent(sandbox).await?;
    act(sandbox).await?;
    trajectory(sandbox).await
}

#[tokio::main]
async fn main() -> Result<()> {
    let daytona = Client::new(Config::default())?;
    // region: create
    let params = CreateSandboxParams { snapshot: Some("daytona-desktop".to_owned()), ..Default::default() };
    // endregion
    let sandbox = daytona.create(params).await?;
    let toured = tour(&sandbox).await;
    sandbox.delete().await?; // Also after a failure.
    toured
}

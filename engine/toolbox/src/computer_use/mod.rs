//! The desktop: an X server with a window manager and a viewer, and what is done on it (wire section 3.8).
//!
//! Its programs are the snapshot's; without them every route answers 503 at once. Nothing runs before `/start`. Whatever talks
//! to the X server blocks and is done off the runtime, on a connection for input and one for pictures, so that a slow text does
//! not hold up a picture.

mod accessibility;
mod actions;
mod display;
mod errors;
mod input;
mod input_routes;
mod keymap;
mod keys;
mod picture;
mod processes;
mod recordings;
mod rest;
mod routes;
mod screen;
mod screenshots;
mod supervision;
mod trajectories;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::sync::Mutex;
use tokio::time::timeout;

use self::accessibility::Asker;
use self::errors::unavailable;
use self::processes::Programs;
use self::recordings::Recordings;
use self::screen::Screen;
use self::trajectories::Trajectories;
use crate::errors::ApiError;
use crate::{State, Toolbox};

/// The variable that says where programs show their windows. The engine sets it where the snapshot has a desktop.
const DISPLAY: &str = "DISPLAY";

/// The desktop of this sandbox.
#[derive(Default)]
pub(crate) struct Desktop {
    programs: Programs,
    recordings: Recordings,
    trajectories: Trajectories,
    accessibility: Asker,
    /// The connection on which keys and buttons are pressed.
    input: Arc<Mutex<Option<Screen>>>,
    /// The connection on which the screen is looked at.
    view: Arc<Mutex<Option<Screen>>>,
}

pub(crate) fn routes() -> Router<Arc<Toolbox>> {
    Router::new()
        .merge(routes::routes())
        .merge(input_routes::routes())
        .merge(screenshots::routes())
        .merge(display::routes())
        .merge(recordings::routes())
        .merge(trajectories::routes())
        .merge(accessibility::routes())
}

impl Toolbox {
    /// The display's name, where the snapshot has a desktop.
    fn display(&self) -> Result<String, ApiError> {
        let display = std::env::var(DISPLAY).ok().filter(|_| self.environment.which("Xvfb").is_some());
        display.ok_or_else(unavailable)
    }
}

/// Time that one request waits for those before it. A program on the desktop may keep the X server from answering anybody.
const TURN: Duration = Duration::from_secs(60);

/// Which of the two connections to use.
#[derive(Clone, Copy)]
enum Purpose {
    Input,
    View,
}

/// Does something with the screen, off the runtime. A connection that fails is made anew the next time.
///
/// # Errors
/// 503 where there is no desktop or it does not run, or what was asked for before is not done in [`TURN`].
async fn with_screen<T: Send + 'static>(
    toolbox: State,
    purpose: Purpose,
    work: impl FnOnce(&mut Screen) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let display = toolbox.display()?;
    let place = match purpose {
        Purpose::Input => &toolbox.desktop.input,
        Purpose::View => &toolbox.desktop.view,
    };
    // Waited for here: those in line take no threads, and a client that goes away leaves it.
    let mut place = timeout(TURN, Arc::clone(place).lock_owned()).await.map_err(|_| errors::busy(TURN))?;
    tokio::task::spawn_blocking(move || {
        let is_alive = place.as_mut().is_some_and(Screen::is_alive);
        if !is_alive {
            *place = None;
            *place = Some(Screen::connect(&display).map_err(|_| errors::not_started())?);
        }
        let screen = place.as_mut().ok_or_else(errors::not_started)?;
        work(screen)
    })
    .await?
}

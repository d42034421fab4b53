//! A connection to the X server: the screen's size and picture, and the windows on it.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::libc;
use x11rb::connection::{Connection, RequestConnection};
use x11rb::errors::{ReplyError, ReplyOrIdError};
use x11rb::protocol::Event;
use x11rb::protocol::randr::{self, ConnectionExt as _, ModeInfo};
use x11rb::protocol::shm::{self, ConnectionExt as _};
use x11rb::protocol::xfixes::ConnectionExt as _;
use x11rb::protocol::xproto::{Atom, AtomEnum, ChangeWindowAttributesAux, ConnectionExt as _, ImageFormat, Window};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

use super::keymap::Keymap;
use super::picture::Picture;
use super::processes::LARGEST;

/// What the desktop shows where there is no window.
const BACKGROUND: u32 = 0x002b_3e50;

/// The longest title that is read, in units of four bytes.
const TITLE: u32 = 256;

/// The most windows that are told of. Any program may claim that there are more.
const MOST_WINDOWS: u32 = 1_000;

/// Anything that goes wrong between here and the X server.
pub(super) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A connection to the X server.
pub(super) struct Screen {
    pub(super) connection: RustConnection,
    pub(super) root: Window,
    /// Memory that the X server draws pictures into.
    memory: Option<Shared>,
    /// The keyboard, once something has been typed.
    pub(super) keymap: Option<Keymap>,
    /// Whether the keyboard may have another layout since it was read.
    pub(super) keys_changed: bool,
}

/// A part of the screen in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) width: u32,
    pub(super) height: u32,
}

/// A window that the window manager shows.
pub(super) struct WindowShown {
    pub(super) id: Window,
    pub(super) title: String,
    pub(super) area: Area,
    pub(super) is_active: bool,
}

impl Screen {
    /// Connects to the display of this name.
    pub(super) fn connect(display: &str) -> Result<Self, Failure> {
        let (connection, number) = x11rb::connect(Some(display))?;
        let root = connection.setup().roots.get(number).ok_or("the display has no screen")?.root;
        Ok(Self { connection, root, memory: None, keymap: None, keys_changed: false })
    }

    /// Whether the X server still answers.
    pub(super) fn is_alive(&mut self) -> bool {
        // What it has sent meanwhile must not pile up.
        while let Ok(Some(event)) = self.connection.poll_for_event() {
            self.keys_changed |= matches!(event, Event::MappingNotify(_));
        }
        self.connection.sync().is_ok()
    }

    /// Width and height.
    pub(super) fn size(&self) -> Result<(u16, u16), Failure> {
        let found = self.connection.get_geometry(self.root)?.reply()?;
        Ok((found.width, found.height))
    }

    /// Displays: the place and size of each.
    pub(super) fn displays(&self) -> Result<Vec<Area>, Failure> {
        let found = self.connection.randr_get_monitors(self.root, true)?.reply()?;
        let area = |monitor: &randr::MonitorInfo| Area {
            x: monitor.x.into(),
            y: monitor.y.into(),
            width: monitor.width.into(),
            height: monitor.height.into(),
        };
        Ok(found.monitors.iter().map(area).collect())
    }

    /// Gives the screen another size, at most [`LARGEST`].
    pub(super) fn resize(&mut self, width: u16, height: u16) -> Result<(), Failure> {
        let connection = &self.connection;
        let (width, height) = (width.min(LARGEST.0), height.min(LARGEST.1));
        if self.size()? == (width, height) {
            return Ok(());
        }
        let resources = connection.randr_get_screen_resources(self.root)?.reply()?;
        let (crtc, output) = (
            *resources.crtcs.first().ok_or("the display cannot be resized")?,
            *resources.outputs.first().ok_or("the display cannot be resized")?,
        );
        let name = format!("{width}x{height}");
        let known = resources.modes.iter().find(|mode| (mode.width, mode.height) == (width, height));
        let mode = match known {
            Some(mode) => mode.id,
            None => {
                let info = ModeInfo {
                    width,
                    height,
                    htotal: width,
                    vtotal: height,
                    name_len: u16::try_from(name.len())?,
                    ..ModeInfo::default()
                };
                let mode = connection.randr_create_mode(self.root, info, name.as_bytes())?.reply()?.mode;
                connection.randr_add_output_mode(output, mode)?.check()?;
                mode
            }
        };
        let (now, config) = (resources.timestamp, resources.config_timestamp);
        let off = connection.randr_set_crtc_config(crtc, now, config, 0, 0, 0, randr::Rotation::ROTATE0, &[])?;
        off.reply()?;
        connection.randr_set_screen_size(self.root, width, height, millimetres(width), millimetres(height))?.check()?;
        connection
            .randr_set_crtc_config(crtc, now, config, 0, 0, mode, randr::Rotation::ROTATE0, &[output])?
            .reply()?;
        connection.sync()?;
        Ok(())
    }

    /// Paints what is behind all windows.
    pub(super) fn paint_background(&mut self) -> Result<(), Failure> {
        let background = ChangeWindowAttributesAux::new().background_pixel(BACKGROUND);
        self.connection.change_window_attributes(self.root, &background)?.check()?;
        self.connection.clear_area(false, self.root, 0, 0, 0, 0)?.check()?;
        Ok(())
    }

    /// Where the pointer is.
    pub(super) fn pointer(&self) -> Result<(i32, i32), Failure> {
        let found = self.connection.query_pointer(self.root)?.reply()?;
        Ok((found.root_x.into(), found.root_y.into()))
    }

    /// Whether a window manager is there.
    pub(super) fn is_managed(&mut self) -> Result<bool, Failure> {
        let name = self.atom("_NET_SUPPORTING_WM_CHECK")?;
        Ok(!self.windows_in(self.root, name, AtomEnum::WINDOW.into())?.is_empty())
    }

    /// The windows that the window manager shows, the lowest one first.
    pub(super) fn windows(&mut self) -> Result<Vec<WindowShown>, Failure> {
        let (stack, active) = (self.atom("_NET_CLIENT_LIST_STACKING")?, self.atom("_NET_ACTIVE_WINDOW")?);
        let (title, utf8) = (self.atom("_NET_WM_NAME")?, self.atom("UTF8_STRING")?);
        let active = self.windows_in(self.root, active, AtomEnum::WINDOW.into())?.first().copied();
        let windows = self.windows_in(self.root, stack, AtomEnum::WINDOW.into())?;
        // A window that goes away meanwhile is none.
        Ok(windows
            .into_iter()
            .filter_map(|id| {
                let geometry = self.connection.get_geometry(id).ok()?.reply().ok()?;
                let place = self.connection.translate_coordinates(id, self.root, 0, 0).ok()?.reply().ok()?;
                let text = |property: Atom, kind: Atom| {
                    let found = self.connection.get_property(false, id, property, kind, 0, TITLE).ok()?.reply().ok()?;
                    (!found.value.is_empty()).then(|| String::from_utf8_lossy(&found.value).into_owned())
                };
                let title = text(title, utf8).or_else(|| text(AtomEnum::WM_NAME.into(), AtomEnum::ANY.into()));
                let area = Area {
                    x: place.dst_x.into(),
                    y: place.dst_y.into(),
                    width: geometry.width.into(),
                    height: geometry.height.into(),
                };
                Some(WindowShown { id, title: title.unwrap_or_default(), area, is_active: active == Some(id) })
            })
            .collect())
    }

    fn windows_in(&self, window: Window, property: Atom, kind: Atom) -> Result<Vec<Window>, Failure> {
        let found = self.connection.get_property(false, window, property, kind, 0, MOST_WINDOWS)?.reply()?;
        Ok(found.value32().map(Iterator::collect).unwrap_or_default())
    }

    fn atom(&self, name: &str) -> Result<Atom, Failure> {
        Ok(self.connection.intern_atom(false, name.as_bytes())?.reply()?.atom)
    }

    /// The picture of a part of the screen, with the pointer or without.
    pub(super) fn picture(&mut self, area: Area, with_pointer: bool) -> Result<Picture, Failure> {
        let (x, y) = (i16::try_from(area.x)?, i16::try_from(area.y)?);
        let (width, height) = (u16::try_from(area.width)?, u16::try_from(area.height)?);
        let bytes = area.width as usize * area.height as usize * 4;
        let mut picture = match self.shared(bytes) {
            Ok(memory) => {
                let (segment, format) = (memory.segment, ImageFormat::Z_PIXMAP.into());
                let drawn = self.connection.shm_get_image(self.root, x, y, width, height, !0, format, segment, 0)?;
                drawn.reply()?;
                let memory = self.memory.as_ref().ok_or("the memory is gone")?;
                Picture::from_bgrx(&memory.bytes()[..bytes], area.width, area.height)
            }
            Err(_) => {
                let drawn = self.connection.get_image(ImageFormat::Z_PIXMAP, self.root, x, y, width, height, !0)?;
                Picture::from_bgrx(&drawn.reply()?.data, area.width, area.height)
            }
        };
        if with_pointer {
            let _ = self.connection.xfixes_query_version(5, 0)?.reply()?;
            let pointer = self.connection.xfixes_get_cursor_image()?.reply()?;
            let place = (
                i32::from(pointer.x) - i32::from(pointer.xhot) - area.x,
                i32::from(pointer.y) - i32::from(pointer.yhot) - area.y,
            );
            picture.lay_over(&pointer.cursor_image, pointer.width.into(), place);
        }
        Ok(picture)
    }

    /// Memory that the X server can draw so many bytes into.
    fn shared(&mut self, bytes: usize) -> Result<&Shared, Failure> {
        if self.memory.as_ref().is_none_or(|memory| memory.length < bytes) {
            self.memory = None;
            self.memory = Some(Shared::new(&self.connection, bytes)?);
        }
        self.memory.as_ref().ok_or_else(|| "there is no shared memory".into())
    }
}

/// At 96 dots per inch.
fn millimetres(pixels: u16) -> u32 {
    u32::from(pixels) * 254 / 960
}

/// Memory that is shared with the X server.
struct Shared {
    segment: shm::Seg,
    address: *mut libc::c_void,
    length: usize,
    _file: OwnedFd,
}

// SAFETY: the address is that of a mapping that belongs to this value alone.
unsafe impl Send for Shared {}

impl Shared {
    fn new(connection: &RustConnection, length: usize) -> Result<Self, Failure> {
        connection.extension_information(shm::X11_EXTENSION_NAME)?.ok_or("the server shares no memory")?;
        let segment = connection.generate_id().map_err(|error: ReplyOrIdError| error)?;
        let made: Result<_, ReplyError> =
            connection.shm_create_segment(segment, u32::try_from(length)?, false)?.reply();
        let file = made?.shm_fd;
        // SAFETY: a new mapping of a file of this length, at an address of the kernel's choice.
        let address =
            unsafe { libc::mmap(std::ptr::null_mut(), length, libc::PROT_READ, libc::MAP_SHARED, file.as_raw_fd(), 0) };
        if address == libc::MAP_FAILED {
            return Err(std::io::Error::last_os_error().into());
        }
        Ok(Self { segment, address, length, _file: file })
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: the mapping is this long and lives as long as `self`. The server writes to it only during a request, which
        // has been answered before this is called.
        unsafe { std::slice::from_raw_parts(self.address.cast(), self.length) }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: the mapping of `new`, which nobody looks at any more. The server forgets the segment with the connection, or
        // keeps one that is replaced by a larger one.
        unsafe { libc::munmap(self.address, self.length) };
    }
}

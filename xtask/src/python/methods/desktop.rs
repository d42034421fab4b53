//! The desktop of a sandbox.

use super::{Class, Method};

const PICTURE: &[(&str, &str)] = &[
    ("show_cursor", "given.show_cursor"),
    ("format", "given.format"),
    ("quality", "given.quality"),
    ("scale", "given.scale"),
];

pub const COMPUTER_USE: Class = Class {
    name: "ComputerUse",
    module: "computer_use",
    doc: "",
    service: "computer_use",
    base: "{A}ComputerUseServices",
    head: &["__slots__ = ()"],
    on: "",
    receiver: &[],
    methods: &[],
};

pub const MOUSE: Class = Class {
    name: "Mouse",
    module: "mouse",
    doc: "",
    service: "mouse",
    base: "{A}Service",
    head: &["__slots__ = ()"],
    on: "",
    receiver: &[],
    methods: &[],
};

pub const KEYBOARD: Class = Class {
    name: "Keyboard",
    module: "keyboard",
    doc: "",
    service: "keyboard",
    base: "{A}Service",
    head: &["__slots__ = ()"],
    on: "",
    receiver: &[],
    methods: &[],
};

pub const SCREENSHOT: Class = Class {
    name: "Screenshot",
    module: "screenshot",
    doc: "",
    service: "screenshot",
    base: "{A}Service",
    head: &["__slots__ = ()"],
    on: "",
    receiver: &[],
    methods: &[
        Method {
            signature: "options * request_timeout",
            prepare: &["given = options or ScreenshotOptions()"],
            arguments: PICTURE,
            ..Method::of("screenshot.take_compressed")
        },
        Method {
            signature: "region options * request_timeout",
            prepare: &["given = options or ScreenshotOptions()"],
            arguments: PICTURE,
            ..Method::of("screenshot.take_compressed_region")
        },
    ],
};

pub const DISPLAY: Class = Class {
    name: "Display",
    module: "display",
    doc: "",
    service: "display",
    base: "{A}Service",
    head: &["__slots__ = ()"],
    on: "",
    receiver: &[],
    methods: &[],
};

pub const RECORDING: Class = Class {
    name: "RecordingService",
    module: "recording",
    doc: "",
    service: "recording",
    base: "{A}Service",
    head: &["__slots__ = ()"],
    on: "",
    receiver: &[],
    methods: &[],
};

pub const ACCESSIBILITY: Class = Class {
    name: "Accessibility",
    module: "accessibility",
    doc: "",
    service: "accessibility",
    base: "{A}Service",
    head: &["__slots__ = ()"],
    on: "",
    receiver: &[],
    methods: &[],
};

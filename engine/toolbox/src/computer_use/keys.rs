//! The names of keys and characters, as numbers of the X protocol ("keysyms").

/// A key in the X protocol.
pub(super) type Keysym = u32;

pub(super) const SHIFT: Keysym = 0xffe1;
pub(super) const CAPS_LOCK: Keysym = 0xffe5;

/// Keys by their names, and the other names they go by.
const NAMES: [(&str, Keysym); 86] = [
    ("enter", 0xff0d),
    ("return", 0xff0d),
    ("tab", 0xff09),
    ("escape", 0xff1b),
    ("esc", 0xff1b),
    ("backspace", 0xff08),
    ("delete", 0xffff),
    ("del", 0xffff),
    ("insert", 0xff63),
    ("space", 0x20),
    ("home", 0xff50),
    ("end", 0xff57),
    ("pageup", 0xff55),
    ("page_up", 0xff55),
    ("prior", 0xff55),
    ("pagedown", 0xff56),
    ("page_down", 0xff56),
    ("next", 0xff56),
    ("left", 0xff51),
    ("up", 0xff52),
    ("right", 0xff53),
    ("down", 0xff54),
    ("arrowleft", 0xff51),
    ("arrowup", 0xff52),
    ("arrowright", 0xff53),
    ("arrowdown", 0xff54),
    ("shift", SHIFT),
    ("shift_l", SHIFT),
    ("lshift", SHIFT),
    ("rshift", 0xffe2),
    ("shift_r", 0xffe2),
    ("ctrl", 0xffe3),
    ("control", 0xffe3),
    ("control_l", 0xffe3),
    ("lctrl", 0xffe3),
    ("rctrl", 0xffe4),
    ("control_r", 0xffe4),
    ("alt", 0xffe9),
    ("alt_l", 0xffe9),
    ("lalt", 0xffe9),
    ("option", 0xffe9),
    ("ralt", 0xffea),
    ("alt_r", 0xffea),
    ("altgr", 0xfe03),
    ("cmd", 0xffeb),
    ("command", 0xffeb),
    ("super", 0xffeb),
    ("super_l", 0xffeb),
    ("meta", 0xffeb),
    ("win", 0xffeb),
    ("windows", 0xffeb),
    ("lcmd", 0xffeb),
    ("rcmd", 0xffec),
    ("super_r", 0xffec),
    ("capslock", CAPS_LOCK),
    ("caps_lock", CAPS_LOCK),
    ("numlock", 0xff7f),
    ("num_lock", 0xff7f),
    ("scrolllock", 0xff14),
    ("scroll_lock", 0xff14),
    ("print", 0xff61),
    ("printscreen", 0xff61),
    ("pause", 0xff13),
    ("menu", 0xff67),
    ("plus", 0x2b),
    ("minus", 0x2d),
    ("comma", 0x2c),
    ("period", 0x2e),
    ("slash", 0x2f),
    ("kp_enter", 0xff8d),
    ("num_enter", 0xff8d),
    ("num0", 0xffb0),
    ("num1", 0xffb1),
    ("num2", 0xffb2),
    ("num3", 0xffb3),
    ("num4", 0xffb4),
    ("num5", 0xffb5),
    ("num6", 0xffb6),
    ("num7", 0xffb7),
    ("num8", 0xffb8),
    ("num9", 0xffb9),
    ("num.", 0xffae),
    ("num+", 0xffab),
    ("num-", 0xffad),
    ("num*", 0xffaa),
    ("num/", 0xffaf),
];

/// The key of a character. A line feed is the Enter key.
pub(super) fn of_char(character: char) -> Option<Keysym> {
    let code = u32::from(character);
    Some(match character {
        '\n' | '\r' => 0xff0d,
        '\t' => 0xff09,
        '\u{8}' => 0xff08,
        '\u{1b}' => 0xff1b,
        '\u{7f}' => 0xffff,
        // Latin-1 has the numbers of its characters.
        ' '..='~' | '\u{a0}'..='\u{ff}' => code,
        // There is no key for other control characters.
        _ if character.is_control() => return None,
        _ => 0x0100_0000 | code,
    })
}

/// The key of this name: a character, or a word, whatever its case.
pub(super) fn named(name: &str) -> Option<Keysym> {
    let mut characters = name.chars();
    if let (Some(character), None) = (characters.next(), characters.next()) {
        return of_char(character);
    }
    let name = name.to_ascii_lowercase();
    if let Some((_, key)) = NAMES.iter().find(|(known, _)| *known == name) {
        return Some(*key);
    }
    let number: u32 = name.strip_prefix('f')?.parse().ok()?;
    (1..=24).contains(&number).then(|| 0xffbd + number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_by_names_and_characters() {
        assert_eq!(named("Enter"), Some(0xff0d));
        assert_eq!(named("f12"), Some(0xffc9));
        assert_eq!((named("f0"), named("f25"), named("nothing"), named("")), (None, None, None, None));
        assert_eq!((named("a"), named("A"), named("ü")), (Some(0x61), Some(0x41), Some(0xfc)));
        assert_eq!((of_char('€'), of_char('👋')), (Some(0x0100_20ac), Some(0x0101_f44b)));
        assert_eq!(of_char('\u{1}'), None);
    }
}

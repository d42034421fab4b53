//! A picture in memory, and the files it becomes.

use std::io;

use jpeg_encoder::{ColorType, Encoder};

/// Red, green and blue of every pixel, row by row.
pub(super) struct Picture {
    pub(super) width: u32,
    pub(super) height: u32,
    pixels: Vec<u8>,
}

/// The format of a picture's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Png,
    Jpeg,
    Webp,
}

impl Format {
    /// The format of this name.
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "png" => Self::Png,
            "jpeg" | "jpg" => Self::Jpeg,
            "webp" => Self::Webp,
            _ => return None,
        })
    }
}

impl Picture {
    /// Of what the X server draws: blue, green, red and nothing.
    pub(super) fn from_bgrx(data: &[u8], width: u32, height: u32) -> Self {
        let mut pixels = vec![0; data.len() / 4 * 3];
        for (to, from) in pixels.chunks_exact_mut(3).zip(data.chunks_exact(4)) {
            (to[0], to[1], to[2]) = (from[2], from[1], from[0]);
        }
        Self { width, height, pixels }
    }

    /// Lays a small picture with transparency over it, at a place that may be partly outside. Its colours are multiplied with
    /// their opacity, as those of pointers are.
    pub(super) fn lay_over(&mut self, argb: &[u32], width: usize, (left, top): (i32, i32)) {
        for (row, line) in (top..).zip(argb.chunks(width.max(1))) {
            for (column, pixel) in (left..).zip(line) {
                let is_inside = (0..self.width as i32).contains(&column) && (0..self.height as i32).contains(&row);
                if !is_inside {
                    continue;
                }
                let at = (row as usize * self.width as usize + column as usize) * 3;
                let [alpha, over @ ..] = pixel.to_be_bytes();
                for (under, over) in self.pixels[at..at + 3].iter_mut().zip(over) {
                    let rest = u32::from(*under) * (255 - u32::from(alpha)) / 255;
                    *under = u8::try_from(u32::from(over) + rest).unwrap_or(u8::MAX);
                }
            }
        }
    }

    /// The same, smaller: every pixel is the mean of those it stands for.
    pub(super) fn scaled(&self, scale: f64) -> Self {
        let smaller = |length: u32| ((f64::from(length) * scale).round() as u32).clamp(1, length);
        let (width, height) = (smaller(self.width), smaller(self.height));
        if (width, height) == (self.width, self.height) {
            return Self { width, height, pixels: self.pixels.clone() };
        }
        let range = |at: u32, of: u32, from: u32| {
            let (first, end) = (at as usize * from as usize / of as usize, (at as usize + 1) * from as usize);
            first..end.div_ceil(of as usize)
        };
        let mut pixels = Vec::with_capacity(width as usize * height as usize * 3);
        for y in 0..height {
            for x in 0..width {
                let (mut sum, mut count) = ([0_u32; 3], 0);
                for row in range(y, height, self.height) {
                    for column in range(x, width, self.width) {
                        let at = (row * self.width as usize + column) * 3;
                        for (sum, part) in sum.iter_mut().zip(&self.pixels[at..at + 3]) {
                            *sum += u32::from(*part);
                        }
                        count += 1;
                    }
                }
                pixels.extend(sum.map(|sum| (sum / count) as u8));
            }
        }
        Self { width, height, pixels }
    }

    /// Its file; `quality` is that of a JPEG.
    pub(super) fn encode(&self, format: Format, quality: u8) -> io::Result<Vec<u8>> {
        let mut file = Vec::with_capacity(self.pixels.len() / 8);
        match format {
            Format::Png => {
                let mut encoder = png::Encoder::new(&mut file, self.width, self.height);
                encoder.set_color(png::ColorType::Rgb);
                encoder.set_compression(png::Compression::Fast);
                encoder.write_header()?.write_image_data(&self.pixels)?;
            }
            Format::Jpeg => {
                let size = |length: u32| u16::try_from(length).map_err(io::Error::other);
                Encoder::new(&mut file, quality)
                    .encode(&self.pixels, size(self.width)?, size(self.height)?, ColorType::Rgb)
                    .map_err(io::Error::other)?;
            }
            Format::Webp => image_webp::WebPEncoder::new(&mut file)
                .encode(&self.pixels, self.width, self.height, image_webp::ColorType::Rgb8)
                .map_err(io::Error::other)?,
        }
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> Picture {
        // Four pixels: blue, green, red, white.
        let data = [255, 0, 0, 0, 0, 255, 0, 0, 0, 0, 255, 0, 255, 255, 255, 0];
        Picture::from_bgrx(&data, 2, 2)
    }

    #[test]
    fn the_servers_pixels_become_colours() {
        assert_eq!(picture().pixels, [0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255, 255]);
    }

    #[test]
    fn a_smaller_picture_has_the_mean_of_the_pixels() {
        let half = picture().scaled(0.5);
        assert_eq!((half.width, half.height, half.pixels), (1, 1, vec![127, 127, 127]));
        assert_eq!(picture().scaled(1.0).pixels, picture().pixels);
        assert_eq!(picture().scaled(0.1).width, 1);
    }

    #[test]
    fn a_pointer_is_laid_over_also_where_it_is_half_outside() {
        let mut under = picture();
        under.lay_over(&[0xff00_0000, 0x8040_0000, 0, 0xffff_ffff], 2, (1, 1));
        assert_eq!(under.pixels[9..], [0, 0, 0]);
        under.lay_over(&[0x8040_0000; 4], 2, (-1, -1));
        assert_eq!(under.pixels[..3], [64, 0, 127]);
    }

    #[test]
    fn files_are_of_their_format() {
        for (format, head) in [(Format::Png, &b"\x89PNG"[..]), (Format::Jpeg, b"\xff\xd8\xff"), (Format::Webp, b"RIFF")]
        {
            let file = picture().encode(format, 85).unwrap();
            assert!(file.starts_with(head), "{format:?}");
        }
        assert_eq!(Format::of("JPEG"), Some(Format::Jpeg));
        assert_eq!(Format::of("gif"), None);
    }
}

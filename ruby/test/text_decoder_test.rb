# frozen_string_literal: true

require_relative 'test_helper'

class TextDecoderTest < Minitest::Test
  TEXT = "a\u{e4}\u{20ac}\u{1f980}z"

  def test_every_split_gives_the_same_text
    bytes = TEXT.b
    (0..bytes.size).each do |first|
      (first..bytes.size).each do |second|
        pieces = [bytes[0...first], bytes[first...second], bytes[second..]]
        decoder = Daytona::TextDecoder.new
        texts = pieces.map { |piece| decoder.decode(piece) } << decoder.finish
        assert_equal TEXT, texts.join
        assert(texts.all?(&:valid_encoding?))
      end
    end
  end

  def test_what_is_not_utf8_is_replaced
    decoder = Daytona::TextDecoder.new
    assert_equal "a\u{fffd}b", decoder.decode("a\xFFb".b)
    assert_equal '', decoder.decode("\xE2\x82".b)
    assert_equal "\u{fffd}", decoder.finish
    assert_equal '', decoder.finish
  end

  def test_the_piece_given_is_not_changed
    piece = "x\xC3".b.freeze
    Daytona::TextDecoder.new.decode(piece)
    assert_equal "x\xC3".b, piece
    assert_equal Encoding::BINARY, piece.encoding
  end
end

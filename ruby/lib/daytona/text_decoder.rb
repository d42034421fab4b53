# frozen_string_literal: true

module Daytona
  # Decodes UTF-8 that arrives in pieces: a character cut in two is held back until its rest is there. What is not UTF-8
  # becomes U+FFFD.
  # @api private
  class TextDecoder
    def initialize
      @held = ''.b
    end

    # @param bytes [String]
    # @return [String] The text that is complete; may be empty.
    def decode(bytes)
      bytes = @held + bytes unless @held.empty?
      cut = bytes.bytesize - incomplete(bytes)
      @held = bytes.byteslice(cut..).b
      text(bytes.byteslice(0, cut))
    end

    # @return [String] What was held back and will not be completed any more.
    def finish
      text(give_back)
    end

    # @return [String] What was held back, as it came: for a reader that leaves before the rest is there.
    def give_back
      held = @held
      @held = ''.b
      held
    end

    private

    # Number of bytes at the end that begin a character without completing it.
    def incomplete(bytes)
      1.upto([3, bytes.bytesize].min) do |back|
        byte = bytes.getbyte(-back)
        next if byte & 0xC0 == 0x80

        return length(byte) > back ? back : 0
      end
      0
    end

    # Length of the character a byte begins.
    def length(byte)
      case byte
      when 0xC2..0xDF then 2
      when 0xE0..0xEF then 3
      when 0xF0..0xF4 then 4
      else 1
      end
    end

    def text(bytes)
      bytes.force_encoding(Encoding::UTF_8).scrub("\u{FFFD}")
    end
  end
end

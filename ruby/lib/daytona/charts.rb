# frozen_string_literal: true

module Daytona
  # Reading a chart's picture, and showing a chart without it.
  class Chart
    # @return [String, nil] The picture: PNG, binary.
    def png_bytes
      png&.unpack1('m')
    end

    # @return [String] Without the picture.
    def inspect
      shown = to_h.except(:png).compact.map { |name, value| "#{name}=#{value.inspect}" }
      "#<#{[self.class.name, *shown].join(' ')}>"
    end
    alias to_s inspect
  end
end

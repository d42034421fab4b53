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

  module Charts # rubocop:disable Style/Documentation
    module_function

    # @param chart [ChartInfo, ChartElement, Hash]
    # @return [Chart] Of the class that fits its kind; a plain {Chart} for kinds unknown to this version.
    def parse_chart(chart)
      chart = ChartInfo.from_wire(chart.transform_keys(&:to_s), []) if chart.is_a?(Hash)
      type = CLASSES.fetch(chart.type, Chart)
      names = ATTRIBUTES.select { |owner, _| type <= owner }.values.flatten
      elements = (chart.elements || []).map { |element| map_element(element, chart.type) }
      type.new(**names.to_h { |name| [name, chart.public_send(name)] }, elements: elements)
    end

    # @param element [ChartElement]
    # @param chart_type [String]
    # @return [PointData, BarData, PieData, BoxAndWhiskerData, Chart, ChartElement]
    def map_element(element, chart_type)
      return parse_chart(element) if chart_type == ChartType::COMPOSITE_CHART

      data = DATA[chart_type]
      data ? data.new(*data.members.map { |name| element.public_send(name) }) : element
    end
  end
end

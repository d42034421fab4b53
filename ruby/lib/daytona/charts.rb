# frozen_string_literal: true

module Daytona
  # Lines or points: a label and pairs of x and y.
  PointData = Struct.new(:label, :points)

  # A bar.
  BarData = Struct.new(:label, :value, :group)

  # A slice of a pie; `autopct` is the text on it or its format.
  PieData = Struct.new(:label, :angle, :radius, :autopct)

  # A box with whiskers. Its `min` and `max` are the ends of the whiskers, not those of Enumerable.
  # rubocop:disable Lint/StructNewOverride
  BoxAndWhiskerData = Struct.new(:label, :min, :first_quartile, :median, :third_quartile, :max, :outliers)
  # rubocop:enable Lint/StructNewOverride

  # Reading and saving a chart's picture.
  module ChartPicture
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
  private_constant :ChartPicture

  # A figure: its kind (a value of {ChartType}), title, picture (`png`, base64) and elements.
  class Chart < Struct.new(:type, :title, :png, :elements, keyword_init: true) # rubocop:disable Style/StructInheritance
    include ChartPicture

    def initialize(type: nil, title: nil, png: nil, elements: [])
      super
    end
  end

  # A figure with axes.
  class Chart2D < Chart
    # @return [String, nil]
    attr_accessor :x_label, :y_label

    def initialize(x_label: nil, y_label: nil, **attributes)
      super(**attributes)
      @x_label = x_label
      @y_label = y_label
    end

    # @return [Hash{Symbol => Object}]
    def to_h
      super.merge(x_label: x_label, y_label: y_label)
    end
  end

  # A figure of points: positions, labels and scales of its ticks.
  class PointChart < Chart2D
    # @return [Array, String, nil]
    attr_accessor :x_ticks, :y_ticks, :x_tick_labels, :y_tick_labels, :x_scale, :y_scale

    def initialize(x_ticks: nil, y_ticks: nil, x_tick_labels: nil, y_tick_labels: nil, x_scale: nil, y_scale: nil,
                   **attributes)
      super(**attributes)
      @x_ticks = x_ticks
      @y_ticks = y_ticks
      @x_tick_labels = x_tick_labels
      @y_tick_labels = y_tick_labels
      @x_scale = x_scale
      @y_scale = y_scale
    end

    # @return [Hash{Symbol => Object}]
    def to_h
      super.merge(x_ticks: x_ticks, y_ticks: y_ticks, x_tick_labels: x_tick_labels, y_tick_labels: y_tick_labels,
                  x_scale: x_scale, y_scale: y_scale)
    end
  end

  # Lines; elements are {PointData}.
  class LineChart < PointChart; end

  # Points; elements are {PointData}.
  class ScatterChart < PointChart; end

  # Bars; elements are {BarData}.
  class BarChart < Chart2D; end

  # A pie; elements are {PieData}.
  class PieChart < Chart; end

  # Boxes; elements are {BoxAndWhiskerData}.
  class BoxAndWhiskerChart < Chart2D; end

  # Several charts in one figure; elements are charts.
  class CompositeChart < Chart; end

  # Makes charts of what the server describes.
  module Charts
    CLASSES = {
      ChartType::LINE => LineChart,
      ChartType::SCATTER => ScatterChart,
      ChartType::BAR => BarChart,
      ChartType::PIE => PieChart,
      ChartType::BOX_AND_WHISKER => BoxAndWhiskerChart,
      ChartType::COMPOSITE_CHART => CompositeChart
    }.freeze
    DATA = {
      ChartType::LINE => PointData,
      ChartType::SCATTER => PointData,
      ChartType::BAR => BarData,
      ChartType::PIE => PieData,
      ChartType::BOX_AND_WHISKER => BoxAndWhiskerData
    }.freeze
    private_constant :CLASSES, :DATA

    module_function

    # @param chart [ChartInfo, ChartElement, Hash]
    # @return [Chart] Of the class that fits its kind; a plain {Chart} for kinds unknown to this version.
    def parse_chart(chart)
      chart = ChartInfo.from_wire(chart.transform_keys(&:to_s), []) if chart.is_a?(Hash)
      type = CLASSES.fetch(chart.type, Chart)
      attributes = attributes_of(type).to_h { |name| [name, chart.public_send(name)] }
      elements = (chart.elements || []).map { |element| map_element(element, chart.type) }
      type.new(**attributes, elements: elements)
    end

    # @param element [ChartElement]
    # @param chart_type [String]
    # @return [PointData, BarData, PieData, BoxAndWhiskerData, Chart, ChartElement]
    def map_element(element, chart_type)
      return parse_chart(element) if chart_type == ChartType::COMPOSITE_CHART

      data = DATA[chart_type]
      data ? data.new(*data.members.map { |name| element.public_send(name) }) : element
    end

    def attributes_of(type)
      names = %i[type title png]
      names += %i[x_label y_label] if type <= Chart2D
      names += %i[x_ticks y_ticks x_tick_labels y_tick_labels x_scale y_scale] if type <= PointChart
      names
    end
    private_class_method :attributes_of
  end
end

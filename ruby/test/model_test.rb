# frozen_string_literal: true

require_relative 'test_helper'

class ModelTest < Minitest::Test
  def test_models_compare_convert_and_match
    size = Daytona::PtySize.new(rows: 1, cols: 2)
    assert_equal size, Daytona::PtySize.new(rows: 1, cols: 2)
    refute_equal size, Daytona::PtySize.new(rows: 1, cols: 3)
    assert_equal({ rows: 1, cols: 2 }, size.to_h)
    assert_equal 1, { size => 1 }[Daytona::PtySize.new(rows: 1, cols: 2)]
    case size
    in { rows:, cols: 2 } then assert_equal 1, rows
    end
  end

  def test_hashes_stand_for_models_with_names_checked
    assert_equal 3, Daytona::PtySize.coerce({ 'rows' => 3, cols: 4 }).rows
    error = assert_raises(Daytona::Sdk::InvalidArgumentError) do
      Daytona::PtySize.coerce({ rows: 3, cols: 4, lines: 4 })
    end
    assert_match(/Daytona::PtySize.*lines/, error.message)
    assert_raises(Daytona::Sdk::InvalidArgumentError) { Daytona::PtySize.coerce('80x24') }
  end

  def test_what_is_shown_is_short
    response = Daytona::ExecuteResponse.new(exit_code: 0, result: 'x' * 10_000)
    assert_match(/result="x{200}"… \(10000 characters\)/, response.inspect)
    session = Daytona::Session.new(session_id: 's', commands: Array.new(100) do |i|
                                                                Daytona::Command.new(id: i.to_s, command: 'c')
                                                              end)
    assert_match(/… \(100 items\)/, session.inspect)
    assert_operator session.inspect.size, :<, 1000
  end

  def test_unknown_values_and_fields_survive
    info = Daytona::SandboxInfo.from_wire({ 'id' => 'x', 'state' => 'melting', 'novelty' => 1 }, [])
    assert_equal 'melting', info.state
  end

  def test_the_other_namespace_has_the_same_classes
    volume = DaytonaApiClient::SandboxVolume.new(volume_id: 'v', mount_path: '/v', subpath: 's')
    assert_instance_of Daytona::VolumeMount, volume
  end

  def test_charts_of_every_kind_are_parsed
    element = { 'label' => 'l', 'points' => [[1, 2]], 'value' => 3, 'angle' => 90, 'min' => 1 }
    classes = { 'line' => Daytona::LineChart, 'scatter' => Daytona::ScatterChart, 'bar' => Daytona::BarChart,
                'pie' => Daytona::PieChart, 'box_and_whisker' => Daytona::BoxAndWhiskerChart,
                'novelty' => Daytona::Chart }
    classes.each do |type, expected|
      chart = Daytona::Charts.parse_chart({ 'type' => type, 'title' => 't', 'elements' => [element] })
      assert_instance_of expected, chart
      assert_equal %w[t l], [chart.title, chart.elements.first.label]
    end
    composite = Daytona::Charts.parse_chart(
      { 'type' => 'composite_chart', 'elements' => [{ 'type' => 'bar', 'title' => 'inner', 'elements' => [element] }] }
    )
    assert_instance_of Daytona::BarChart, composite.elements.first
    assert_equal 3, composite.elements.first.elements.first.value
  end

  def test_a_library_of_another_schema_is_refused
    code = <<~RUBY
      module Daytona; SCHEMA_HASH = 'other'; end
      require_relative '#{File.expand_path('../lib/daytona/native', __dir__)}'
    RUBY
    output = IO.popen([RbConfig.ruby, '-e', code, { err: %i[child out] }], &:read)
    assert_match(/does not match its native library.*other/m, output)
  end
end

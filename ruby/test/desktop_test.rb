# frozen_string_literal: true

require_relative 'test_helper'

# The forms that programs are documented to use for the desktop and language servers.
class DesktopTest < DaytonaTest
  def test_arguments_are_positional_or_named
    with_desktop do |desktop|
      assert_equal [5, 6], place(desktop.mouse.move(5, 6))
      assert_equal [7, 8], place(desktop.mouse.click(x: 7, y: 8, button: 'right', double: true))
      assert_equal place(desktop.mouse.position), place(desktop.mouse.get_position)
      assert_equal desktop.status.status, desktop.get_status.status
      assert_predicate desktop.get_process_status('xvfb'), :running
      assert_predicate desktop.get_process_status(process_name: 'novnc'), :running
      assert_equal 1280, desktop.display.info.displays.first.width
    end
  end

  def test_a_region_is_where_and_as_large_as_it_says
    with_desktop do |desktop|
      region = Daytona::ComputerUse::ScreenshotRegion.new(x: 10, y: 20, width: 300, height: 40)
      assert_equal [300, 40], size(desktop.screenshot.take_region(region))
      assert_equal [300, 40], size(desktop.screenshot.take_region(region: region, show_cursor: true))
      options = Daytona::ComputerUse::ScreenshotOptions.new(format: 'jpeg', quality: 50, scale: 0.5)
      assert_equal [640, 360], size(desktop.screenshot.take_compressed(options))
      small = desktop.screenshot.take_compressed_region(region: region, options: options)
      assert_equal [150, 20], size(small)
      assert small.screenshot.start_with?('/9j/')
    end
  end

  def test_languages_are_names_or_symbols_and_positions_hashes_or_objects
    sandbox.fs.upload_file("import os\nos.\n", 'forms/main.py')
    ['python', :python, Daytona::LspServer::Language::PYTHON].each do |language|
      server = sandbox.create_lsp_server(language_id: language, path_to_project: 'forms')
      server.start
      [{ line: 1, character: 3 }, Daytona::LspServer::Position.new(line: 1, character: 3)].each do |position|
        found = server.completions(path: 'main.py', position: position)
        assert_includes found.items.map(&:label), 'getcwd'
      end
      server.stop
    end
  end

  private

  def with_desktop
    made = daytona.create(snapshot: 'daytona-desktop')
    made.computer_use.start
    yield made.computer_use
  ensure
    made&.delete
  end

  def place(found)
    [found.x, found.y]
  end

  def size(picture)
    [picture.width, picture.height]
  end
end

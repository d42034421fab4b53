# frozen_string_literal: true

# The desktop: mouse, keyboard, pictures of the screen, recordings, and an agent that works on it.
#
#   DAYTONA_API_URL=local ruby desktop.rb

require 'daytona'

def start(sandbox)
  # region: start
  sandbox.computer_use.start
  puts sandbox.computer_use.status.status
  # endregion
end

def keyboard(sandbox)
  # region: keyboard
  sandbox.process.exec(command: 'mousepad notes.txt >/dev/null 2>&1 &')
  display = sandbox.computer_use.display
  sleep 0.1 until display.windows.windows.any? { |window| window.title.include?('notes') && window.is_active }

  sandbox.computer_use.keyboard.type(text: "Grüße 👋\n")
  sandbox.computer_use.keyboard.hotkey(keys: 'ctrl+s')
  # endregion
  sleep 0.1 until sandbox.process.exec(command: 'cat notes.txt').result.include?('Grüße')
end

def mouse(sandbox)
  # region: mouse
  screen = sandbox.computer_use.display.info.displays.first
  sandbox.computer_use.mouse.click(x: screen.width / 2, y: screen.height / 2)
  sandbox.computer_use.mouse.scroll(x: screen.width / 2, y: screen.height / 2, direction: 'down', amount: 3)
  # endregion
end

def screenshot(sandbox)
  # region: screenshot
  picture = sandbox.computer_use.screenshot.take_full_screen(show_cursor: true)
  puts "#{picture.width} x #{picture.height} pixels, #{picture.screenshot.unpack1('m').bytesize} bytes"

  options = Daytona::ComputerUse::ScreenshotOptions.new(format: 'jpeg', quality: 70, scale: 0.5)
  small = sandbox.computer_use.screenshot.take_compressed(options: options)
  puts "#{small.width} x #{small.height} pixels, #{small.size_bytes} bytes"
  # endregion
end

def recording(sandbox)
  # region: recording
  recording = sandbox.computer_use.recording.start(label: 'tour')
  sandbox.computer_use.mouse.move(x: 200, y: 200)
  recording = sandbox.computer_use.recording.stop(id: recording.id)

  sandbox.computer_use.recording.download(id: recording.id, local_path: 'tour.mp4')
  # endregion
  File.delete('tour.mp4')
end

def accessibility(sandbox)
  # region: accessibility
  tree = sandbox.computer_use.accessibility
  found = tree.find_nodes(scope: 'all', role: 'text', states: %w[editable showing])
  found.matches.each do |node|
    tree.focus_node(node.id)
    tree.set_node_value(node.id, "Set by its place in the tree.\n")
  end
  # endregion
  raise 'nothing found' if found.matches.empty?
end

# Stands for a model that looks at the screen and says what to do next.
def model(picture, step)
  [
    [:click, picture.width / 2, picture.height / 2],
    [:type, "Written by an agent.\n"],
    [:hotkey, 'ctrl+s'],
    [:done]
  ][step]
end

def agent(sandbox)
  # region: agent
  desktop = sandbox.computer_use
  50.times do |step|
    picture = desktop.screenshot.take_compressed
    action, *arguments = model(picture, step)
    case action
    when :done then break
    when :click then desktop.mouse.click(*arguments)
    when :type then desktop.keyboard.type(*arguments)
    when :hotkey then desktop.keyboard.hotkey(*arguments)
    end
  end
  # endregion
  sleep 0.1 until sandbox.process.exec(command: 'cat notes.txt').result.include?('agent')
end

def act(sandbox)
  # region: act
  done = sandbox.computer_use.act(
    [
      { action: 'click', x: 640, y: 360 },
      { action: 'type', text: "Several at once.\n" },
      { action: 'hotkey', keys: 'ctrl+s' }
    ],
    format: 'jpeg', scale: 0.5
  )
  puts "#{done.actions} actions, the screen is at rest: #{done.at_rest}"
  puts "and shown in #{done.screenshot.size_bytes} bytes"
  # endregion
  sleep 0.1 until sandbox.process.exec(command: 'cat notes.txt').result.include?('at once')
end

def trajectory(sandbox)
  # region: trajectory
  sandbox.computer_use.start_trajectory(label: 'Notes')
  sandbox.computer_use.mouse.click(x: 640, y: 360)
  sandbox.computer_use.keyboard.type(text: "Step by step.\n")
  recorded = sandbox.computer_use.stop_trajectory

  sandbox.fs.download_file(recorded.file_path, 'trajectory.html')
  # endregion
  File.delete('trajectory.html')
  raise "#{recorded.actions} actions" unless recorded.actions == 2
end

Daytona::Daytona.open do |daytona|
  # region: create
  params = { snapshot: 'daytona-desktop' }
  # endregion
  daytona.create(**params) do |sandbox|
    %i[start keyboard mouse screenshot recording accessibility agent act trajectory].each do |part|
      puts "-- #{part}"
      send(part, sandbox)
    end
  end
end

# frozen_string_literal: true

module Daytona
  # A desktop and what is done on it.
  class ComputerUse
    ScreenshotOptions = ::Daytona::ScreenshotOptions
    ScreenshotRegion = ::Daytona::ScreenshotRegion

    # @return [Mouse] The mouse.
    attr_reader :mouse

    # @return [Keyboard] The keyboard.
    attr_reader :keyboard

    # @return [Screenshot] Pictures of the screen.
    attr_reader :screenshot

    # @return [Display] Displays and windows.
    attr_reader :display

    # @return [Recording] Recordings of the screen.
    attr_reader :recording

    # @return [Accessibility] What the programs show, as a tree.
    attr_reader :accessibility

    # @param connection [Connection]
    # @param sandbox [Sandbox]
    # @api private
    def initialize(connection, sandbox)
      super
      @mouse = Mouse.new(connection, sandbox)
      @keyboard = Keyboard.new(connection, sandbox)
      @screenshot = Screenshot.new(connection, sandbox)
      @display = Display.new(connection, sandbox)
      @recording = Recording.new(connection, sandbox)
      @accessibility = Accessibility.new(connection, sandbox)
    end
  end
end

# frozen_string_literal: true

# Previews: a server in the sandbox, reached from outside.
#
#   DAYTONA_API_URL=local ruby previews.rb

require 'daytona'
require 'net/http'

def serve(sandbox)
  sandbox.process.exec(command: "echo '<h1>Hello</h1>' > index.html")
  sandbox.process.spawn('python3 -um http.server --bind 127.0.0.1 8000')
  sandbox.process.wait_for_port(8000, timeout: 10)
end

def link(sandbox)
  # region: link
  preview = sandbox.get_preview_link(8000)
  puts Net::HTTP.get(URI(preview.url), 'X-Daytona-Preview-Token' => preview.token)
  # endregion
end

def signed(sandbox)
  # region: signed
  signed = sandbox.create_signed_preview_url(8000, expires_in_seconds: 600)
  puts Net::HTTP.get(URI("#{signed.url}/")) # In a browser as well.
  puts "until #{signed.expires_at}"

  sandbox.expire_signed_preview_url(8000, signed.token)
  # endregion
  puts Net::HTTP.get_response(URI(signed.url)).is_a?(Net::HTTPOK) ? 'still there' : 'expired'
rescue SystemCallError
  puts 'expired'
end

def forward(sandbox)
  # region: forward
  sandbox.forward_port(8000) do |forwarded|
    puts Net::HTTP.get('127.0.0.1', '/', forwarded.local_port)
  end
  # endregion
end

Daytona::Daytona.open do |daytona|
  daytona.create(labels: { 'purpose' => 'example' }) do |sandbox|
    serve(sandbox)
    %i[link signed forward].each do |part|
      puts "-- #{part}"
      send(part, sandbox)
    end
  end
end

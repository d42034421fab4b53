# frozen_string_literal: true

# Access to a sandbox by SSH.
#
#   DAYTONA_API_URL=local ruby ssh.rb

require 'daytona'

def access(sandbox)
  # region: access
  access = sandbox.create_ssh_access(expires_in_minutes: 30)
  puts access.ssh_command # ssh -p 34571 f38kj4…@127.0.0.1
  # endregion
end

def revoke(sandbox)
  access = sandbox.create_ssh_access
  # region: revoke
  puts sandbox.validate_ssh_access(access.token).valid
  sandbox.revoke_ssh_access(access.token) # Without the token: whatever access there is.
  # endregion
  puts sandbox.validate_ssh_access(access.token).valid
end

Daytona::Daytona.open do |daytona|
  daytona.create(labels: { 'purpose' => 'example' }) do |sandbox|
    %i[access revoke].each do |part|
      puts "-- #{part}"
      send(part, sandbox)
    end
  end
end

# frozen_string_literal: true

# Webhooks: a message is verified before it is believed.
#
#   DAYTONA_API_URL=local ruby webhooks.rb

require 'daytona'

# A message as a web framework hands it over, and the secret of the endpoint it was sent to.
BODY = '{"test": 2432232314}'
HEADERS = {
  'webhook-id' => 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  'webhook-timestamp' => '1614265330',
  'webhook-signature' => 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
}.freeze
SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
# This message is from 2021; without a tolerance those of the last five minutes are taken.
ANY_TIME = 0

# region: receive
def receive(daytona, body, headers, secret, tolerance: nil)
  message = daytona.verify_webhook(body, headers, secret, tolerance: tolerance)
  puts "#{message.id} #{message.event} #{message.payload}"
  204
rescue Daytona::Sdk::AuthenticationError
  401
end
# endregion

Daytona::Daytona.open do |daytona|
  puts receive(daytona, BODY, HEADERS, SECRET, tolerance: ANY_TIME)
  puts receive(daytona, BODY, HEADERS, SECRET)
end

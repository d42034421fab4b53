# frozen_string_literal: true

module Daytona
  module Sdk
    class Error # rubocop:disable Style/Documentation
      alias status status_code
      alias code error_code
    end

    # Other names of the same classes, for the HTTP statuses 400 and 403.
    BadRequestError = ValidationError
    ForbiddenError = AuthorizationError
  end
end

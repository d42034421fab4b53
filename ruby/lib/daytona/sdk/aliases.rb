# frozen_string_literal: true

module Daytona
  module Sdk
    # Other names of the same classes, for the HTTP statuses 400 and 403.
    BadRequestError = ValidationError
    ForbiddenError = AuthorizationError
  end
end

Feature: Static stability
  The gateway serves on without its control plane, and starts without it.

  Background:
    Given a running gateway with stable and canary of the shop

  Scenario: The control plane dies and comes back
    Given a connection that is kept
    When GET / is requested
    And the control plane is killed
    And it is requested again
    Then stable answers

  Scenario: A gateway starts alone with what it served last, and tells about itself
    When GET / is requested
    And everything is stopped and a gateway starts alone
    Then it serves stable
    And its /healthz shows ""
    And its /metrics shows "halftone_requests_total"

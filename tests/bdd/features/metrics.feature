Feature: Metrics
  What the gateway does is counted, by variant and by what went wrong, and served to Prometheus.

  Background:
    Given a running gateway with stable and canary of the shop
    When everything is stopped and a gateway starts alone

  Scenario: Requests are counted by variant and class
    Then it serves stable
    And it serves stable
    And its /metrics shows 'class="2xx"} 2'
    And its /metrics shows "halftone_request_duration_seconds_count"

  Scenario: What could not be read is counted too
    When a request without a host is sent to it
    Then the answer is 400
    And its /metrics shows 'halftone_errors_total{error="http_request_error"} 1'

  Scenario: Whoever asks whether it is ready is told
    Then its /healthz shows "ok"
    And its /readyz shows "ready"

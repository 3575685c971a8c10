Feature: A disk that fails
  A control plane that cannot keep what it is asked for says so, and goes on by itself once it can.

  Background:
    Given a running gateway with stable and canary of the shop

  Scenario: The folder of the lists is gone, and comes back
    When the control plane's folder "lists" is gone
    And PUT /v1/tenants/shop/segments/staff is called
      """
      u7
      """
    Then the API answers 500
    And the API tells "so the list is what it was"
    And in time /readyz tells "changes cannot be kept"
    And in time /healthz tells "degraded"
    When GET / is requested
    Then stable answers
    When the control plane's folder "lists" is back
    Then in time /readyz tells "ok"
    And in time /healthz tells "ok"
    When PUT /v1/tenants/shop/segments/staff is called
      """
      u7
      """
    Then the API answers 200

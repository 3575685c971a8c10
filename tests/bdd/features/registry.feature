Feature: Registry
  Services register themselves, and are gone when they fall silent.

  Background:
    Given a running gateway with stable and canary of the shop

  Scenario: An instance without a heartbeat is dropped
    Given a service brief
    When POST /v1/instances is called
      """
      { "service": "shop", "addr": "<brief>", "ttl": "4s", "metadata": { "group": "brief" } }
      """
    Then the API answers 201
    When GET / is requested with "X-Release-Group: brief"
    Then brief answers
    And in time stable answers

  Scenario: A heartbeat is only for who is registered
    When PUT /v1/instances/shop@<stable>/heartbeat is called
    Then the API answers 200
    When PUT /v1/instances/shop@127.0.0.1:1/heartbeat is called
    Then the API answers 404

  Scenario: A draining instance gets no new request
    Given a service second
    When second is registered as stable of shop
    And POST /v1/instances/shop@<stable>:drain is called
    Then the API answers 200
    When GET / is requested
    Then second answers
    When POST /v1/instances/shop@<stable>:undrain is called
    And POST /v1/instances/shop@<second>:drain is called
    And GET / is requested
    Then stable answers

  Scenario: An instance that is deleted is not reached
    When DELETE /v1/instances/shop@<canary> is called
    Then the API answers 204
    When GET / is requested with "X-Release-Group: canary"
    Then stable answers

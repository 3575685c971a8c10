Feature: Quick start
  No bundle at all still works: a service behind the gateway, and a second group of it.

  Scenario: One service, no configuration
    Given a service web
    And a running gateway with "--upstream http://<web>"
    When GET / is requested
    Then web answers

  Scenario: A registered group is reached by name, and by nobody else
    Given a service web
    And a service canary
    And a running gateway with "--upstream http://<web>"
    And canary is registered as canary of web
    When GET / is requested
    Then web answers
    When GET / is requested with "X-Release-Group: canary"
    Then canary answers

  Scenario: Nothing is registered and there is no upstream
    Given a running gateway
    When GET / is requested
    Then the answer is 503

Feature: Connections
  What cannot be served is answered plainly, and what is not HTTP any more passes.

  Scenario: A WebSocket passes both ways
    Given a gateway in front of a service that speaks WebSocket
    Then bytes go both ways after the 101

  Scenario: A head that is too large
    Given a service web
    And a running gateway with "--upstream http://<web>"
    When 40000 bytes of fields are sent
    Then the answer is 431

  Scenario: A request that could be read in two ways
    Given a service web
    And a running gateway with "--upstream http://<web>"
    When this is sent
      """
      POST / HTTP/1.1
      Host: a
      Content-Length: 4
      Transfer-Encoding: chunked
      """
    Then the answer is 400

  Scenario: Nobody is there
    Given a running gateway with "--upstream http://127.0.0.1:1"
    When GET / is requested
    Then the answer is 502
    And the answer's proxy-status says "halftone"

  Scenario: A request in flight ends before the gateway does
    Given a service slow that takes its time
    And a running gateway with "--upstream http://<slow>"
    When slow is asked and the gateway is told to stop
    Then slow answers
    And gateway and control plane end well

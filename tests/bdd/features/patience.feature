Feature: Patience
  Nobody waits for ever: neither for a service nor for a caller.

  Scenario: A service that thinks for too long
    Given a service slow that takes its time
    And a running gateway
    And the bundle
      """
      apiVersion: halftone/v1
      kind: Bundle
      metadata: { tenant: shop }
      upstreams:
        slow: { timeouts: { firstByte: 300ms }, variants: { stable: { addresses: [ '<slow>' ] } } }
      routes: [ { name: shop, rules: [ { upstream: slow } ] } ]
      """
    When GET / is requested
    Then the answer is 504
    And the answer's proxy-status says "http_response_timeout"

  Scenario: A request that takes too long altogether
    Given a service slow that takes its time
    And a running gateway
    And the bundle
      """
      apiVersion: halftone/v1
      kind: Bundle
      metadata: { tenant: shop }
      upstreams:
        slow: { variants: { stable: { addresses: [ '<slow>' ] } } }
      routes: [ { name: shop, rules: [ { upstream: slow, timeouts: { request: 300ms } } ] } ]
      """
    When GET / is requested
    Then the answer is 504

  Scenario: A caller that does not finish its head
    Given a gateway that runs by this file
      """
      apiVersion: halftone/v1
      kind: Gateway
      listeners: [ { address: '<listen>' } ]
      admin: { address: '<admin>' }
      engine: epoll
      data: '<folder>/data'
      timeouts: { head: 300ms }
      """
    When half a head is sent to it
    Then the answer is 408
    And its /metrics shows 'halftone_errors_total{error="client_timeout"} 1'

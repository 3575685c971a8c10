Feature: Engines
  The gateway chooses the fastest engine the host allows, and takes the one that is asked for.

  Scenario Outline: <engine> is asked for
    Given a running gateway with stable and canary of the shop
    When everything is stopped and a gateway starts alone on <engine>
    Then it serves stable
    And its metrics name that engine

    Examples:
      | engine   |
      | io_uring |
      | epoll    |
      | glommio  |

  Scenario: An engine that nobody has
    When `halftone up --engine steam` is run
    Then it ends with 2
    And it prints "steam"

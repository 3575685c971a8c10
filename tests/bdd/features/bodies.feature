Feature: Bodies
  What is sent arrives, both ways, however large it is and however its end is told.

  Background:
    Given a service echo that returns what it is sent
    And a running gateway with "--upstream http://<echo>"

  Scenario Outline: <bytes> bytes <way>
    When <bytes> bytes are posted <way>
    Then the answer is 200
    And they came back unchanged

    Examples:
      | bytes   | way       |
      | 1       | at once   |
      | 5000    | at once   |
      | 3000000 | at once   |
      | 1       | in chunks |
      | 5000    | in chunks |
      | 3000000 | in chunks |

  Scenario: What stands behind a request ends here, and what stands behind an answer arrives
    When a request with the trailer "X-Sum: 1" is sent
    Then the answer is 200
    And echo was sent no trailer
    And the answer's trailer is "X-Echo: done"

  Scenario: A caller that asks before it sends
    When 5 bytes are announced
    Then it is told to go on
    And when they are sent they come back unchanged

Feature: Devices
  What a client says it is, in a few stable words that rules compare with.

  Background:
    Given a service stable
    And a service canary
    And a running gateway
    And the bundle
      """
      apiVersion: halftone/v1
      kind: Bundle
      metadata: { tenant: shop }
      attributes:
        device.os: { type: string, from: [ { device: os } ] }
        device.class: { type: string, from: [ { device: class } ] }
        device.browser: { type: string, from: [ { device: browser } ] }
      upstreams: { shop: { variants: { stable: { addresses: [ '<stable>' ] }, canary: { addresses: [ '<canary>' ] } } } }
      routes: [ { name: all, rules: [ { release: shop-v2 } ] } ]
      releases:
        shop-v2:
          upstream: shop
          targets:
            - { id: wechat, when: "device.browser == 'wechat'", variant: canary }
            - id: matrix
              nested: [ device.os, device.class ]
              table: { android: { tablet: { variant: canary }, "*": { variant: stable } }, harmonyos: { "*": { variant: canary } } }
          default: { variant: stable }
      """

  Scenario: An app that shows the page
    When GET / is requested with "User-Agent: Mozilla/5.0 (iPhone; CPU iPhone OS 17_4_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.48(0x18003030) NetType/WIFI Language/zh_CN"
    Then canary answers
    When GET / is requested with "User-Agent: Mozilla/5.0 (iPhone; CPU iPhone OS 17_4_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4.1 Mobile/15E148 Safari/604.1"
    Then stable answers

  Scenario: A system that says it is another one, too
    When GET / is requested with "User-Agent: Mozilla/5.0 (Linux; Android 10; HarmonyOS; NOH-AN00; HMSCore 6.13.0.302) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/99.0.4844.88 HuaweiBrowser/14.0.2.311 Mobile Safari/537.36"
    Then canary answers
    When GET / is requested with "User-Agent: Mozilla/5.0 (Linux; Android 13; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/117.0.0.0 Mobile Safari/537.36"
    Then stable answers

  Scenario: Client hints, and nothing at all
    When GET / is requested with "Sec-CH-UA-Platform: "Android"" and "Sec-CH-UA-Mobile: ?0"
    Then canary answers
    When GET / is requested with "Sec-CH-UA-Platform: Android" and "Sec-CH-UA-Mobile: ?0"
    Then stable answers
    When GET / is requested
    Then stable answers

  Scenario: A gateway on its own still tells, and counts
    When everything is stopped and a gateway starts alone
    Then its /metrics shows 'halftone_device_lookups_total{result="recognised"} 0'
    And it serves canary to "User-Agent: Mozilla/5.0 (iPhone; CPU iPhone OS 17_4_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.48(0x18003030)"
    And its /metrics shows 'halftone_device_lookups_total{result="recognised"} 1'
    And it serves stable to "User-Agent: curl/8.5.0"
    And its /metrics shows 'halftone_device_lookups_total{result="recognised"} 2'

  Scenario: A word is no number
    Given the file devices.yaml
      """
      apiVersion: halftone/v1
      kind: Bundle
      metadata: { tenant: shop }
      attributes:
        device.os: { type: int, from: [ { device: os } ] }
      """
    When `halftone check <folder>/devices.yaml` is run
    Then it ends with 1
    And it prints 'device.os.from[0].device: "os" is text; expected type string'

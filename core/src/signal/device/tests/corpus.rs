//! User agents as they are met, and what they are.

use super::check;

/// A user agent, and what it is: system, version, class, browser, version, brand, model.
type Case = (&'static str, &'static str);

#[track_caller]
fn check_all(cases: &[Case]) {
    for (agent, expected) in cases {
        check(&[("User-Agent", agent)], expected);
    }
}

#[test]
fn apps_with_a_browser_in_them() {
    check_all(&[
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.48(0x18003030) NetType/WIFI Language/zh_CN",
            "ios 17.4.1 phone wechat 8.0.48 apple iPhone",
        ),
        (
            "Mozilla/5.0 (Linux; Android 14; 23127PN0CC Build/UKQ1.230804.001; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/116.0.0.0 Mobile Safari/537.36 XWEB/1160065 MMWEBSDK/20231202 MMWEBID/2247 MicroMessenger/8.0.47.2560(0x28002F30) WeChat/arm64 Weixin NetType/5G Language/zh_CN ABI/arm64",
            "android 14 phone wechat 8.0.47.2560 xiaomi 23127PN0CC",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/107.0.0.0 Safari/537.36 MicroMessenger/6.8.0(0x16080000) NetType/WIFI MiniProgramEnv/Mac MacWechat/WMPF MacWechat/3.8.7(0x13080712) UnifiedPCMacWechat(0xf2640608) XWEB/11581",
            "macos - desktop wechat 6.8 apple -",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/81.0.4044.138 Safari/537.36 NetType/WIFI MicroMessenger/7.0.20.1781(0x6700143B) WindowsWechat(0x63090a13)",
            "windows - desktop wechat 7.0.20.1781 - -",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 16_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 wxwork/4.1.12 MicroMessenger/7.0.1 Language/zh ColorScheme/Light",
            "ios 16.5 phone wecom 4.1.12 apple iPhone",
        ),
        (
            "Mozilla/5.0 (Linux; Android 13; V2241A Build/TP1A.220624.014; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/98.0.4758.102 MQQBrowser/6.2 TBS/046805 Mobile Safari/537.36 V1_AND_SQ_8.9.68_4264_YYB_D A_8096800 QQ/8.9.68.11565 NetType/WIFI WebP/0.3.0 AppId/537164852 Pixel/1080 StatusBarHeight/96 SimpleUISwitch/0 QQTheme/1000 StudyMode/0",
            "android 13 phone qq 8.9.68.11565 vivo V2241A",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 15_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 QQ/8.9.25.607 V1_IPH_SQ_8.9.25_1_APP_A Pixel/1170 MiniAppEnable SimpleUISwitch/1 StudyMode/0 CurrentMode/1 CurrentFontScale/1.0 QQTheme/2920 NetType/WIFI",
            "ios 15.6 phone qq 8.9.25.607 apple iPhone",
        ),
        (
            "Mozilla/5.0 (Linux; U; Android 12; zh-CN; M2102K1C Build/SKQ1.211006.001) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/100.0.4896.58 UWS/5.10.2.5 Mobile Safari/537.36 UCBS/2.11.1.1 UCBrowser/13.0 NebulaSDK/1.8.100112 Nebula AliApp(AP/10.5.36.8100) AlipayClient/10.5.36.8100 Language/zh-Hans",
            "android 12 phone alipay 10.5.36.8100 xiaomi M2102K1C",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 AliApp(DingTalk/7.5.5) com.laiwang.DingTalk/33413518 Channel/201200 language/zh-Hans-CN UT4Aplus/0.0.6 WK",
            "ios 17.2 phone dingtalk 7.5.5 apple iPhone",
        ),
        (
            "Mozilla/5.0 (Linux; Android 10; ANA-AN00 Build/HUAWEIANA-AN00; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/97.0.4692.98 Mobile Safari/537.36 T7/13.32 BDOS/1.0 (HarmonyOS 2.2.0) SP-engine/2.70.0 baiduboxapp/13.32.0.10 (Baidu; P1 11) NABar/1.0",
            "harmonyos 2.2 phone baidu 13.32.0.10 huawei ANA-AN00",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 aweme_26.8.0 JsSdk/2.0 NetType/WIFI Channel/App Store ByteLocale/zh Region/CN RevealType/Dialog isDarkMode/0 WKWebView/1 BytedanceWebview/d8a21c6",
            "ios 16.6 phone douyin 26.8 apple iPhone",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 16_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 NewsArticle/9.2.0.13 JsSdk/2.0 NetType/WIFI (News 9.2.0 16.3)",
            "ios 16.3 phone toutiao 9.2.0.13 apple iPhone",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 16_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Weibo (iPhone13,2__weibo__13.5.2__iphone__os16.5)",
            "ios 16.5 phone weibo - apple iPhone",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/21A329 [FBAN/FBIOS;FBAV/435.0.0.42.112;FBBV/528568420;FBDV/iPhone15,2;FBMD/iPhone;FBSN/iOS;FBSV/17.0;FBSS/3;FBID/phone;FBLC/en_US;FBOP/5]",
            "ios 17 phone facebook - apple iPhone",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Instagram 312.0.0.22.110 (iPhone14,5; iOS 16_6; en_US; en; scale=3.00; 1170x2532; 548339486)",
            "ios 16.6 phone instagram 312.0.0.22 apple iPhone",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) GSA/293.0.589954079 Mobile/15E148 Safari/604.1",
            "ios 17.1 phone google-app 293.0.589954079 apple iPhone",
        ),
        (
            "Mozilla/5.0 (Linux; Android 13; SM-A536B Build/TP1A.220624.014; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/119.0.6045.163 Mobile Safari/537.36",
            "android 13 phone webview - samsung SM-A536B",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
            "ios 17.1 phone webview - apple iPhone",
        ),
    ]);
}

#[test]
fn phones_and_tablets() {
    check_all(&[
        (
            "Mozilla/5.0 (Linux; Android 10; HarmonyOS; NOH-AN00; HMSCore 6.13.0.302) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/99.0.4844.88 HuaweiBrowser/14.0.2.311 Mobile Safari/537.36",
            "harmonyos - phone huawei 14.0.2.311 huawei NOH-AN00",
        ),
        (
            "Mozilla/5.0 (Linux; Android 12; HarmonyOS; BAH4-W09; HMSCore 6.12.0.302) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/99.0.4844.88 HuaweiBrowser/14.0.1.301 Safari/537.36",
            "harmonyos - tablet huawei 14.0.1.301 huawei BAH4-W09",
        ),
        (
            "Mozilla/5.0 (Phone; OpenHarmony 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/114.0.0.0 Safari/537.36 ArkWeb/4.1.6.1 Mobile HuaweiBrowser/5.0.4.300",
            "harmonyos 5 phone huawei 5.0.4.300 huawei -",
        ),
        (
            "Mozilla/5.0 (Tablet; OpenHarmony 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/114.0.0.0 Safari/537.36 ArkWeb/4.1.6.1 HuaweiBrowser/5.0.4.300",
            "harmonyos 5 tablet huawei 5.0.4.300 huawei -",
        ),
        (
            "Mozilla/5.0 (Phone; OpenHarmony 4.1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/114.0.0.0 Safari/537.36 ArkWeb/4.1.6.1 Mobile",
            "harmonyos 4.1 phone webview - - -",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4.1 Mobile/15E148 Safari/604.1",
            "ios 17.4.1 phone safari 17.4.1 apple iPhone",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/124.0.6367.88 Mobile/15E148 Safari/604.1",
            "ios 17.4 phone chrome 124.0.6367.88 apple iPhone",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/125.0 Mobile/15E148 Safari/605.1.15",
            "ios 17.4 phone firefox 125 apple iPhone",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 EdgiOS/123.0.2420.108 Mobile/15E148 Safari/605.1.15",
            "ios 17.4 phone edge 123.0.2420.108 apple iPhone",
        ),
        (
            "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1",
            "ios 16.6 tablet safari 16.6 apple iPad",
        ),
        (
            "Mozilla/5.0 (iPod touch; CPU iPhone OS 12_5_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.1.2 Mobile/15E148 Safari/604.1",
            "ios 12.5.7 phone safari 12.1.2 apple iPod",
        ),
        (
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Mobile Safari/537.36",
            "android - phone chrome 124 - -",
        ),
        (
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36",
            "android - tablet chrome 124 - -",
        ),
        (
            "Mozilla/5.0 (Linux; Android 13; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/24.0 Chrome/117.0.0.0 Mobile Safari/537.36",
            "android 13 phone samsung 24 samsung SM-S918B",
        ),
        (
            "Mozilla/5.0 (Linux; Android 13; SM-X910) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/24.0 Chrome/117.0.0.0 Safari/537.36",
            "android 13 tablet samsung 24 samsung SM-X910",
        ),
        (
            "Mozilla/5.0 (Android 14; Mobile; rv:125.0) Gecko/125.0 Firefox/125.0",
            "android 14 phone firefox 125 - -",
        ),
        (
            "Mozilla/5.0 (Android 13; Tablet; rv:125.0) Gecko/125.0 Firefox/125.0",
            "android 13 tablet firefox 125 - -",
        ),
        (
            "Mozilla/5.0 (Linux; Android 10; Pixel 3 XL) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/83.0.4103.106 Mobile Safari/537.36 OPR/58.2.2878.53403",
            "android 10 phone opera 58.2.2878.53403 google Pixel 3 XL",
        ),
        (
            "Mozilla/5.0 (Linux; U; Android 13; zh-cn; 22041216C Build/SP1A.210812.016) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/100.0.4896.127 Mobile Safari/537.36 XiaoMi/MiuiBrowser/17.6.120614",
            "android 13 phone miui 17.6.120614 xiaomi 22041216C",
        ),
        (
            "Mozilla/5.0 (Linux; U; Android 12; zh-cn; PEQM00 Build/SP1A.210812.016) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/90.0.4430.61 Mobile Safari/537.36 HeyTapBrowser/40.8.2.1",
            "android 12 phone heytap 40.8.2.1 - PEQM00",
        ),
        (
            "Mozilla/5.0 (Linux; Android 12; V2148A; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/87.0.4280.141 Mobile Safari/537.36 VivoBrowser/14.3.0.1",
            "android 12 phone vivo 14.3.0.1 vivo V2148A",
        ),
        (
            "Mozilla/5.0 (Linux; U; Android 13; zh-cn; RMX3687 Build/TP1A.220905.001) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/98.0.4758.102 MQQBrowser/14.8 Mobile Safari/537.36 COVC/046623",
            "android 13 phone qqbrowser 14.8 realme RMX3687",
        ),
        (
            "Mozilla/5.0 (Linux; U; Android 9; zh-CN; MI 8 Build/PKQ1.180729.001) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/78.0.3904.108 UCBrowser/13.2.5.1105 Mobile Safari/537.36",
            "android 9 phone uc 13.2.5.1105 xiaomi MI 8",
        ),
        (
            "Mozilla/5.0 (Linux; U; Android 11; en-US; CUBOT_X18_Plus Build/O11019) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/78.0.3904.108 UCBrowser/12.10.0.1163 Mobile Safari/537.36",
            "android 11 phone uc 12.10.0.1163 - CUBOT_X18_Plus",
        ),
        (
            "Mozilla/5.0 (Linux; Android 11; Redmi Note 8 Pro) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/110.0.0.0 Mobile Safari/537.36",
            "android 11 phone chrome 110 xiaomi Redmi Note 8 Pro",
        ),
        (
            "Mozilla/5.0 (Linux; Android 13; Lenovo TB-J606F) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/112.0.0.0 Safari/537.36",
            "android 13 tablet chrome 112 lenovo Lenovo TB-J606F",
        ),
        (
            "Mozilla/5.0 (Linux; U; Android 4.0.3; de-de; GT-P5100 Build/IML74K) AppleWebKit/534.30 (KHTML, like Gecko) Version/4.0 Safari/534.30",
            "android 4.0.3 tablet android 4 samsung GT-P5100",
        ),
        (
            "Mozilla/5.0 (Linux; Android 9; KFMAWI) AppleWebKit/537.36 (KHTML, like Gecko) Silk/108.4.6 like Chrome/108.0.5359.220 Safari/537.36",
            "android 9 tablet silk 108.4.6 amazon KFMAWI",
        ),
        (
            "Mozilla/5.0 (Windows Phone 10.0; Android 6.0.1; Microsoft; Lumia 950) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/52.0.2743.116 Mobile Safari/537.36 Edge/15.15063",
            "windows - phone edge 15.15063 - Microsoft",
        ),
        (
            "Mozilla/5.0 (Mobile; Nokia_8110_4G; rv:48.0) Gecko/48.0 Firefox/48.0 KAIOS/2.5.1",
            "kaios 2.5.1 phone firefox 48 - -",
        ),
    ]);
}

#[test]
fn desks() {
    check_all(&[
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36",
            "windows - desktop chrome 124 - -",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36 Edg/124.0.2478.67",
            "windows - desktop edge 124.0.2478.67 - -",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:125.0) Gecko/20100101 Firefox/125.0",
            "windows - desktop firefox 125 - -",
        ),
        (
            "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko",
            "windows 7 desktop ie 11 - -",
        ),
        (
            "Mozilla/5.0 (compatible; MSIE 10.0; Windows NT 6.2; Trident/6.0)",
            "windows 8 desktop ie 10 - -",
        ),
        (
            "Mozilla/5.0 (Windows NT 6.3; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/63.0.3239.132 Safari/537.36 QIHU 360SE/13.1.5",
            "windows 8.1 desktop 360 13.1.5 - -",
        ),
        (
            "Opera/9.80 (Windows NT 6.1; WOW64) Presto/2.12.388 Version/12.18",
            "windows 7 desktop opera 12.18 - -",
        ),
        // An iPad asks for the sites of desks: nothing in it tells.
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4.1 Safari/605.1.15",
            "macos - desktop safari 17.4.1 apple -",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_13_6) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.1.2 Safari/605.1.15",
            "macos 10.13.6 desktop safari 13.1.2 apple -",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:125.0) Gecko/20100101 Firefox/125.0",
            "macos - desktop firefox 125 apple -",
        ),
        (
            "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0",
            "linux - desktop firefox 125 - -",
        ),
        (
            "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36",
            "chromeos - desktop chrome 124 - -",
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/124.0.6367.78 Safari/537.36",
            "linux - desktop headless-chrome 124.0.6367.78 - -",
        ),
        (
            "Mozilla/5.0 (X11; FreeBSD amd64; rv:124.0) Gecko/20100101 Firefox/124.0",
            "other - desktop firefox 124 - -",
        ),
    ]);
}

#[test]
fn robots_televisions_consoles_and_libraries() {
    check_all(&[
        (
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "other - bot googlebot 2.1 - -",
        ),
        (
            "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.6367.78 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "android 6.0.1 bot googlebot 2.1 google Nexus 5X",
        ),
        ("Googlebot-Image/1.0", "other - bot googlebot 1 - -"),
        (
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) Chrome/103.0.5060.134 Safari/537.36",
            "other - bot bingbot 2 - -",
        ),
        (
            "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
            "other - bot baiduspider 2 - -",
        ),
        (
            "Sogou web spider/4.0(+http://www.sogou.com/docs/help/webmasters.htm#07)",
            "other - bot other - - -",
        ),
        (
            "Mozilla/5.0 (Linux; Android 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Mobile Safari/537.36 (compatible; Bytespider; spider-feedback@bytedance.com)",
            "android 5 bot bytespider - - -",
        ),
        (
            "Mozilla/5.0 (compatible; MJ12bot/v1.4.8; http://mj12bot.com/)",
            "other - bot other - - -",
        ),
        (
            "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
            "other - bot facebookexternalhit 1.1 - -",
        ),
        (
            "Mozilla/5.0 (SMART-TV; LINUX; Tizen 6.0) AppleWebKit/537.36 (KHTML, like Gecko) 76.0.3809.146/6.0 TV Safari/537.36",
            "tizen 6 tv safari - - -",
        ),
        (
            "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/87.0.4280.88 Safari/537.36 WebAppManager",
            "webos - tv chrome 87.0.4280.88 - -",
        ),
        (
            "Mozilla/5.0 (Linux; Android 9; AFTKA Build/PS7285) AppleWebKit/537.36 (KHTML, like Gecko) Silk/98.6.10 like Chrome/98.0.4758.136 Safari/537.36",
            "android 9 tv silk 98.6.10 amazon AFTKA",
        ),
        (
            "Mozilla/5.0 (Linux; Android 10; BRAVIA 4K UR2 Build/QTG3.200305.006) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/83.0.4103.120 Safari/537.36",
            "android 10 tv chrome 83.0.4103.120 sony BRAVIA 4K UR2",
        ),
        (
            "Mozilla/5.0 (PlayStation; PlayStation 5/2.26) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.0 Safari/605.1.15",
            "other - console safari 13 - -",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox One) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/48.0.2564.82 Safari/537.36 Edge/20.02",
            "windows - console edge 20.02 - -",
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64; Quest 3) AppleWebKit/537.36 (KHTML, like Gecko) OculusBrowser/32.0.0.10.61 Chrome/124.0.6367.118 VR Safari/537.36",
            "linux - other oculus 32.0.0.10 - -",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 8_1 like Mac OS X) AppleWebKit/600.1.4 (KHTML, like Gecko) Version/8.0 Mobile/12B411 Safari/600.1.4 (compatible; Mediapartners-Google/2.1; +http://www.google.com/bot.html)",
            "ios 8.1 bot mediapartners-google 2.1 apple iPhone",
        ),
        ("curl/8.5.0", "other - other curl 8.5 - -"),
        ("okhttp/4.12.0", "other - other okhttp 4.12 - -"),
        ("python-requests/2.31.0", "other - other python-requests 2.31 - -"),
        ("Go-http-client/1.1", "other - other go-http-client 1.1 - -"),
        (
            "Dalvik/2.1.0 (Linux; U; Android 13; SM-S901B Build/TP1A.220624.014)",
            "android 13 phone dalvik 2.1 samsung SM-S901B",
        ),
        ("Shop/5.2 (iPhone; iOS 17.4; Scale/3.00)", "ios 17.4 phone other - apple iPhone"),
        ("Shop/5.2 (iPad13,4; iOS 17.4)", "ios 17.4 tablet other - apple iPad"),
        ("Shop/1 CFNetwork/1490.0.4 Darwin/23.2.0", "other - other cfnetwork 1490.0.4 - -"),
        ("Shop/7.1 (Android 14; Pixel 8 Pro)", "android 14 phone other - google Pixel 8 Pro"),
    ]);
}

window.YTD.tweets.part0 = [
  {
    "tweet": {
      "id_str": "archive-1",
      "full_text": "@AirParadis two hours on the tarmac and nobody has ever answered me, the worst service",
      "created_at": "Wed Oct 10 20:19:24 +0000 2018",
      "lang": "en"
    }
  }
]
BEGIN TRANSACTION;
CREATE TABLE agents (name TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
    note TEXT DEFAULT '' NOT NULL, task TEXT, since_ms INTEGER NOT NULL, until_ms INTEGER,
    CONSTRAINT pk_agents PRIMARY KEY (name));
INSERT INTO "agents" VALUES('Agent-1','idle','','',NULL,1795502877715,NULL);
INSERT INTO "agents" VALUES('Agent-2','idle','','',NULL,1795502875047,NULL);
INSERT INTO "agents" VALUES('Agent-3','idle','','',NULL,1795502875047,NULL);
INSERT INTO "agents" VALUES('Agent-4','idle','','',NULL,1795502875047,NULL);
INSERT INTO "agents" VALUES('Agent-5','idle','','',NULL,1795502875047,NULL);
INSERT INTO "agents" VALUES('Agent-6','idle','','',NULL,1795502875047,NULL);
INSERT INTO "agents" VALUES('Agent-7','idle','','',NULL,1795502875047,NULL);
INSERT INTO "agents" VALUES('Agent-8','paused','','by operator',NULL,1795502878891,NULL);
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0.2.0');
CREATE TABLE boards (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, channel TEXT NOT NULL, guild TEXT NOT NULL,
    posted_message TEXT NOT NULL, state TEXT NOT NULL, error TEXT NOT NULL, actor TEXT NOT NULL,
    since_ms INTEGER NOT NULL);
CREATE TABLE deliveries (id TEXT NOT NULL, message TEXT NOT NULL, task TEXT, agent TEXT NOT NULL, desk TEXT,
    window TEXT, state TEXT NOT NULL, reason TEXT NOT NULL, note TEXT NOT NULL, assurance TEXT,
    fence INTEGER NOT NULL, bounces INTEGER NOT NULL, bounced_since_ms INTEGER,
    deaths INTEGER DEFAULT '0' NOT NULL, not_before_ms INTEGER NOT NULL, priority INTEGER NOT NULL,
    sha256 TEXT NOT NULL, timings TEXT NOT NULL, drafts TEXT DEFAULT '[]' NOT NULL,
    may_have_arrived BOOLEAN DEFAULT '0' NOT NULL, act TEXT, expects TEXT DEFAULT '' NOT NULL,
    part INTEGER DEFAULT '1' NOT NULL, cuts TEXT DEFAULT '[]' NOT NULL, created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL,
    CONSTRAINT pk_deliveries PRIMARY KEY (id),
    CONSTRAINT fk_deliveries_message FOREIGN KEY(message) REFERENCES messages (id));
INSERT INTO "deliveries" VALUES('01M864Z90QASJBW333667QDKBQ','01M864Z90P75W0VS82C6XV1MP9','T-1','Agent-1',NULL,NULL,'sent','dry_run','nothing was pressed anywhere',NULL,1,0,NULL,0,0,2,'d6188d90008f84d774c649bb588b4202c245724d461f1d4241915a5423080c0b','{}','[]',0,NULL,'',1,'[]',1795502875671,1795502875684);
INSERT INTO "deliveries" VALUES('01M864Z9N7GNMSF43ZQRCHVF0H','01M864Z9N6VZ285C0QCJ8FXV0Q','T-2','Agent-1',NULL,NULL,'sent','dry_run','nothing was pressed anywhere',NULL,1,0,NULL,0,0,0,'7334e323dd17f456e3efbb40f5a90370d443b64b3f7b529292e96cd2c288d51a','{}','[]',0,NULL,'',1,'[]',1795502876327,1795502876334);
INSERT INTO "deliveries" VALUES('01M864ZB0BDN9XH783M6S71A9Q','01M864ZB0B2SSGGMM0MHK3EDDE','T-3','Agent-1',NULL,NULL,'sent','dry_run','nothing was pressed anywhere',NULL,1,0,NULL,0,0,2,'7cabecebab5b50e1ea73683095de81aa3b53797109e4b28951bc68b249724ca8','{}','[]',0,NULL,'',1,'[]',1795502877707,1795502877714);
INSERT INTO "deliveries" VALUES('01M864ZD35TPTW80W40G624DGD','01M864ZD35QEA203R15QJS2GX9',NULL,'Agent-2',NULL,NULL,'sent','dry_run','nothing was pressed anywhere',NULL,1,0,NULL,0,0,2,'09a3251b74c1db67f3b0966a7b99f081d171f72a57a3a61af9623710d2a87b9d','{}','[]',0,NULL,'',1,'[]',1795502879845,1795502879869);
CREATE TABLE desks (name TEXT NOT NULL, wish TEXT NOT NULL, actor TEXT NOT NULL, since_ms INTEGER NOT NULL,
    CONSTRAINT pk_desks PRIMARY KEY (name));
CREATE TABLE facts (name TEXT NOT NULL, value TEXT NOT NULL,
    CONSTRAINT pk_facts PRIMARY KEY (name));
INSERT INTO "facts" VALUES('home_id','6uu3a3');
CREATE TABLE journal (seq INTEGER NOT NULL, at_ms INTEGER NOT NULL, name TEXT NOT NULL, subject TEXT NOT NULL,
    actor TEXT NOT NULL, data TEXT NOT NULL, hash TEXT NOT NULL,
    CONSTRAINT pk_journal PRIMARY KEY (seq));
INSERT INTO "journal" VALUES(1,1795502875657,'TaskMoved','task:T-1','operator','{"agent":"","fence":0,"now":"ready","reason":null,"task":"T-1","was":""}','9dd42f5c68cbd2656f70433d9890fa496d51165a16d4d6bd7c2ec6e36d03cb94');
INSERT INTO "journal" VALUES(2,1795502875668,'TaskMoved','task:T-1','hub','{"agent":"Agent-1","fence":1,"now":"assigned","reason":null,"task":"T-1","was":"ready"}','c6801866d4908f539667c2485016d23223eb9de5c7727c855204d5a3a36da169');
INSERT INTO "journal" VALUES(3,1795502875670,'MessageStored','message:01M864Z90P75W0VS82C6XV1MP9','hub','{"chars":15,"kind":"task","late":false,"message":"01M864Z90P75W0VS82C6XV1MP9","recipient":"agent:Agent-1","sender":"hub","sha256":"bb4358755e92b6aeb6505515dfcecc8beb6a1067c61b7e8e86e3c0f3145d305a","task":"T-1"}','696ed9eae0b0705a47b69b6057791a94ec6be96f0dbecf70f3e76bac6f7e9d16');
INSERT INTO "journal" VALUES(4,1795502875671,'AgentMoved','agent:Agent-1','hub','{"agent":"Agent-1","now":"busy","reason":null,"task":"T-1","was":"idle"}','1bf3e2849b41d38a2caf3df85c23ba75e5178b8a919c18460a4257ff288589a2');
INSERT INTO "journal" VALUES(5,1795502875673,'DeliveryMoved','delivery:01M864Z90QASJBW333667QDKBQ','hub','{"agent":"Agent-1","assurance":"","delivery":"01M864Z90QASJBW333667QDKBQ","fence":0,"now":"queued","part":1,"parts":1,"reason":null,"sha256":"","task":"T-1","was":""}','771a606ffeaec1c13607c37b55690746a2f19764cbc7c481d2aa2b6b6daa5211');
INSERT INTO "journal" VALUES(6,1795502875675,'TaskMoved','task:T-1','hub','{"agent":"Agent-1","fence":1,"now":"delivering","reason":null,"task":"T-1","was":"assigned"}','2c480282112a8257345acdbb1bd91b91763f7031dbcf1fe94109b1cd3cbf9680');
INSERT INTO "journal" VALUES(7,1795502875678,'DeliveryMoved','delivery:01M864Z90QASJBW333667QDKBQ','hub','{"agent":"Agent-1","assurance":"","delivery":"01M864Z90QASJBW333667QDKBQ","fence":1,"now":"leased","part":1,"parts":1,"reason":null,"sha256":"d6188d90008f84d774c649bb588b4202c245724d461f1d4241915a5423080c0b","task":"T-1","was":"queued"}','caeb6c40d1a0467be142bcbd113e2446a853cfbea49bd487825e97d91f8d3197');
INSERT INTO "journal" VALUES(8,1795502875681,'DeliveryMoved','delivery:01M864Z90QASJBW333667QDKBQ','hub','{"agent":"Agent-1","assurance":"","delivery":"01M864Z90QASJBW333667QDKBQ","fence":1,"now":"staging","part":1,"parts":1,"reason":null,"sha256":"d6188d90008f84d774c649bb588b4202c245724d461f1d4241915a5423080c0b","task":"T-1","was":"leased"}','bf0ae739cdd5bf0016324b1023ef9b043ca74f2e9accee48cd5c560a022b4e97');
INSERT INTO "journal" VALUES(9,1795502875682,'DeliveryMoved','delivery:01M864Z90QASJBW333667QDKBQ','hub','{"agent":"Agent-1","assurance":"","delivery":"01M864Z90QASJBW333667QDKBQ","fence":1,"now":"staged","part":1,"parts":1,"reason":null,"sha256":"d6188d90008f84d774c649bb588b4202c245724d461f1d4241915a5423080c0b","task":"T-1","was":"staging"}','287969b7421b76b11a87351ea9f774242af5c62ce741fe60f4fed66db96d8af7');
INSERT INTO "journal" VALUES(10,1795502875683,'DeliveryMoved','delivery:01M864Z90QASJBW333667QDKBQ','hub','{"agent":"Agent-1","assurance":"","delivery":"01M864Z90QASJBW333667QDKBQ","fence":1,"now":"submitting","part":1,"parts":1,"reason":null,"sha256":"d6188d90008f84d774c649bb588b4202c245724d461f1d4241915a5423080c0b","task":"T-1","was":"staged"}','40173ccd2fe503398b1b557305dcc183b2a8ebaabf0c0cfadfe214dcc0618c4c');
INSERT INTO "journal" VALUES(11,1795502875684,'DeliveryMoved','delivery:01M864Z90QASJBW333667QDKBQ','hub','{"agent":"Agent-1","assurance":"","delivery":"01M864Z90QASJBW333667QDKBQ","fence":1,"now":"sent","part":1,"parts":1,"reason":"dry_run","sha256":"d6188d90008f84d774c649bb588b4202c245724d461f1d4241915a5423080c0b","task":"T-1","was":"submitting"}','cfe07b3ac00f57280fd5a2f6297f345fc60ec65fea4f88167fc5a52234c6497a');
INSERT INTO "journal" VALUES(12,1795502875685,'TaskMoved','task:T-1','hub','{"agent":"Agent-1","fence":1,"now":"waiting","reason":"dry_run","task":"T-1","was":"delivering"}','f38d4c04e3212695a89ca2d34e49feba83ba7bda343a6f58149a0848341c124d');
INSERT INTO "journal" VALUES(13,1795502875685,'AgentMoved','agent:Agent-1','hub','{"agent":"Agent-1","now":"idle","reason":null,"task":"","was":"busy"}','12dd420e3268dbc0b8ff6f8bd46737b745bcf705f9e57e94895f03a0f02eb6da');
INSERT INTO "journal" VALUES(14,1795502876323,'TaskMoved','task:T-2','operator','{"agent":"","fence":0,"now":"ready","reason":null,"task":"T-2","was":""}','49b8920fd224c4d40625e307f1175b8beccf2c73068291db69786a72d8507896');
INSERT INTO "journal" VALUES(15,1795502876326,'TaskMoved','task:T-2','hub','{"agent":"Agent-1","fence":1,"now":"assigned","reason":null,"task":"T-2","was":"ready"}','85489649ae775bda07b3c16cb5e227bf4e6a490e930369e4e02a6917871b34f7');
INSERT INTO "journal" VALUES(16,1795502876327,'MessageStored','message:01M864Z9N6VZ285C0QCJ8FXV0Q','hub','{"chars":14,"kind":"task","late":false,"message":"01M864Z9N6VZ285C0QCJ8FXV0Q","recipient":"agent:Agent-1","sender":"hub","sha256":"7cf88475fb334bde8f9b3d5480f771026472b6ff3f3de7680eb63c1f838f72ab","task":"T-2"}','2368563fcea5b16e58059c3a6b43cbc24e418959fa5824def5642db5693dfcd1');
INSERT INTO "journal" VALUES(17,1795502876327,'AgentMoved','agent:Agent-1','hub','{"agent":"Agent-1","now":"busy","reason":null,"task":"T-2","was":"idle"}','88014a2d025e526199ff45c4cc1af653db89bca1c5e35aba1cad41293fa3bf22');
INSERT INTO "journal" VALUES(18,1795502876327,'DeliveryMoved','delivery:01M864Z9N7GNMSF43ZQRCHVF0H','hub','{"agent":"Agent-1","assurance":"","delivery":"01M864Z9N7GNMSF43ZQRCHVF0H","fence":0,"now":"queued","part":1,"parts":1,"reason":null,"sha256":"","task":"T-2","was":""}','fc90353f39f0ff0b1e736cca1df52ab45085b66d144903cd691162d5e461beb0');
INSERT INTO "journal" VALUES(19,1795502876329,'TaskMoved','task:T-2','hub','{"agent":"Agent-1","fence":1,"now":"delivering","reason":null,"task":"T-2","was":"assigned"}','3f8e655f471d24eed9bd5cf0c52bec3d0efd6ceca2da8e18c37fe94207d4a3d4');
INSERT INTO "journal" VALUES(20,1795502876330,'DeliveryMoved','delivery:01M864Z9N7GNMSF43ZQRCHVF0H','hub','{"agent":"Agent-1","assurance":"","delivery":"01M864Z9N7GNMSF43ZQRCHVF0H","fence":1,"now":"leased","part":1,"parts":1,"reason":null,"sha256":"7334e323dd17f456e3efbb40f5a90370d443b64b3f7b529292e96cd2c288d51a","task":"T-2","was":"queued"}','2d7f1057d3c57c90537a0fd88e826de29bb66de04ca0c0e7eca8919c0b194a56');
INSERT INTO "journal" VALUES(21,1795502876332,'DeliveryMoved','delivery:01M864Z9N7GNMSF43ZQRCHVF0H','hub','{"agent":"Agent-1","assurance":"","delivery":"01M864Z9N7GNMSF43ZQRCHVF0H","fence":1,"now":"staging","part":1,"parts":1,"reason":null,"sha256":"7334e323dd17f456e3efbb40f5a90370d443b64b3f7b529292e96cd2c288d51a","task":"T-2","was":"leased"}','5622b7504511b042e8478238c17ed5f35d14868bde9e34faf7c59a1c7b23f06d');
INSERT INTO "journal" VALUES(22,1795502876332,'DeliveryMoved','delivery:01M864Z9N7GNMSF43ZQRCHVF0H','hub','{"agent":"Agent-1","assurance":"","delivery":"01M864Z9N7GNMSF43ZQRCHVF0H","fence":1,"now":"staged","part":1,"parts":1,"reason":null,"sha256":"7334e323dd17f456e3efbb40f5a90370d443b64b3f7b529292e96cd2c288d51a","task":"T-2","was":"staging"}','18c0cb8c6c80af2c36b2d20b4291e734f509615af3822209c5b6f89e2f61fff2');
INSERT INTO "journal" VALUES(23,1795502876333,'DeliveryMoved','delivery:01M864Z9N7GNMSF43ZQRCHVF0H','hub','{"agent":"Agent-1","assurance":"","delivery":"01M864Z9N7GNMSF43ZQRCHVF0H","fence":1,"now":"submitting","part":1,"parts":1,"reason":null,"sha256":"7334e323dd17f456e3efbb40f5a90370d443b64b3f7b529292e96cd2c288d51a","task":"T-2","was":"staged"}','2c840f87cef86a35885febbb4c29de472cb19384e7405191c75699b338ba7fa6');
INSERT INTO "journal" VALUES(24,1795502876334,'DeliveryMoved','delivery:01M864Z9N7GNMSF43ZQRCHVF0H','hub','{"agent":"Agent-1","assurance":"","delivery":"01M864Z9N7GNMSF43ZQRCHVF0H","fence":1,"now":"sent","part":1,"parts":1,"reason":"dry_run","sha256":"7334e323dd17f456e3efbb40f5a90370d443b64b3f7b529292e96cd2c288d51a","task":"T-2","was":"submitting"}','62547d11c15afce3402588394afa9f26567f5c9811e760169cf928437b92ba68');
INSERT INTO "journal" VALUES(25,1795502876334,'TaskMoved','task:T-2','hub','{"agent":"Agent-1","fence":1,"now":"waiting","reason":"dry_run","task":"T-2","was":"delivering"}','8883703239c17c854c0f9e72216e1e31d3eb9f537bb83d9a2c015f78fc7ed647');
INSERT INTO "journal" VALUES(26,1795502876334,'AgentMoved','agent:Agent-1','hub','{"agent":"Agent-1","now":"idle","reason":null,"task":"","was":"busy"}','194427ca5f327dea3f905b6d374e96422fe00fe1b478e704fd08a068788412bb');
INSERT INTO "journal" VALUES(27,1795502876928,'MessageStored','message:01M864ZA80R7JJ08NCWQ16MR0K','person:operator','{"chars":16,"kind":"reply","late":false,"message":"01M864ZA80R7JJ08NCWQ16MR0K","recipient":"hub","sender":"person:operator","sha256":"595af4b1ae149cf8111bf7af5e2176633580d68beab3a802dbd00913f0a39e7a","task":"T-1"}','40483ca8f9b4dfb48ea598f612ec37bfad5eb8ceed0ad002a321e7e2793c62c8');
INSERT INTO "journal" VALUES(28,1795502876929,'TaskMoved','task:T-1','operator','{"agent":"Agent-1","fence":1,"now":"ready","reason":null,"task":"T-1","was":"waiting"}','22c691f5eb6252e6fe29823ceff23a1e0dfe685a088793082480e3e7cd35ede2');
INSERT INTO "journal" VALUES(29,1795502876929,'TaskMoved','task:T-1','operator','{"agent":"Agent-1","fence":1,"now":"assigned","reason":null,"task":"T-1","was":"ready"}','440b35886f8a958d71e28f55f1dbe0f5f06fbc9f41ae972525ee7b89e5de88f6');
INSERT INTO "journal" VALUES(30,1795502876929,'TaskMoved','task:T-1','operator','{"agent":"Agent-1","fence":1,"now":"delivering","reason":null,"task":"T-1","was":"assigned"}','f7acbb40f97b559215b2a7072e9f76445dcfc95e213a591485f609c48c7bdd8e');
INSERT INTO "journal" VALUES(31,1795502876930,'TaskMoved','task:T-1','operator','{"agent":"Agent-1","fence":1,"now":"working","reason":null,"task":"T-1","was":"delivering"}','64a784ecb4ef0d6531990654f60bad9c17a99be77d904593c6ce41f3f3935092');
INSERT INTO "journal" VALUES(32,1795502876930,'TaskMoved','task:T-1','operator','{"agent":"Agent-1","fence":1,"now":"done","reason":null,"task":"T-1","was":"working"}','ad0d5fc02e8bb0a1c18a33711c3283c339dbc2d52c337bcfeab38c6361865efb');
INSERT INTO "journal" VALUES(33,1795502877696,'TaskMoved','task:T-3','operator','{"agent":"","fence":0,"now":"ready","reason":null,"task":"T-3","was":""}','b51544bbcd6e3914e178f96280b4573c32a488afbe9b2ba8f0cf64fa145ef4d7');
INSERT INTO "journal" VALUES(34,1795502877707,'TaskMoved','task:T-3','hub','{"agent":"Agent-1","fence":1,"now":"assigned","reason":null,"task":"T-3","was":"ready"}','f8fbca58b44ed5e1e27487be9a0085ec119b242db2a52b1347e58710bc240010');
INSERT INTO "journal" VALUES(35,1795502877707,'MessageStored','message:01M864ZB0B2SSGGMM0MHK3EDDE','hub','{"chars":15,"kind":"task","late":false,"message":"01M864ZB0B2SSGGMM0MHK3EDDE","recipient":"agent:Agent-1","sender":"hub","sha256":"d13c2af9996e83c44528c0c3539e7d833accc384732a5846002718810ddf1ecf","task":"T-3"}','b0128a65d70c749252f96d78e802c8504532aa7e7e1ee81fa8a2d62fd7757ecb');
INSERT INTO "journal" VALUES(36,1795502877707,'AgentMoved','agent:Agent-1','hub','{"agent":"Agent-1","now":"busy","reason":null,"task":"T-3","was":"idle"}','ec5f80705b6b2a4f023ab505755089d3ef050d7055f1e02b38c7c228db20764a');
INSERT INTO "journal" VALUES(37,1795502877708,'DeliveryMoved','delivery:01M864ZB0BDN9XH783M6S71A9Q','hub','{"agent":"Agent-1","assurance":"","delivery":"01M864ZB0BDN9XH783M6S71A9Q","fence":0,"now":"queued","part":1,"parts":1,"reason":null,"sha256":"","task":"T-3","was":""}','4f38aa0b14513574251190c94010763ecaf084260962d38a536db9ab1e8918dd');
INSERT INTO "journal" VALUES(38,1795502877710,'TaskMoved','task:T-3','hub','{"agent":"Agent-1","fence":1,"now":"delivering","reason":null,"task":"T-3","was":"assigned"}','e1f1c63cbd360bb4df5c50f8eb93fe3ceddfbe28077f9a2a27df813ba5068732');
INSERT INTO "journal" VALUES(39,1795502877711,'DeliveryMoved','delivery:01M864ZB0BDN9XH783M6S71A9Q','hub','{"agent":"Agent-1","assurance":"","delivery":"01M864ZB0BDN9XH783M6S71A9Q","fence":1,"now":"leased","part":1,"parts":1,"reason":null,"sha256":"7cabecebab5b50e1ea73683095de81aa3b53797109e4b28951bc68b249724ca8","task":"T-3","was":"queued"}','53c19646550ad88be2cceedb72ccf5d10d22dc65ced1480029442502184d1fc6');
INSERT INTO "journal" VALUES(40,1795502877712,'DeliveryMoved','delivery:01M864ZB0BDN9XH783M6S71A9Q','hub','{"agent":"Agent-1","assurance":"","delivery":"01M864ZB0BDN9XH783M6S71A9Q","fence":1,"now":"staging","part":1,"parts":1,"reason":null,"sha256":"7cabecebab5b50e1ea73683095de81aa3b53797109e4b28951bc68b249724ca8","task":"T-3","was":"leased"}','8bf63cd91e25f99ece7ffbd69d82fd8cfaf914dcf90481d01a9c56705278a357');
INSERT INTO "journal" VALUES(41,1795502877713,'DeliveryMoved','delivery:01M864ZB0BDN9XH783M6S71A9Q','hub','{"agent":"Agent-1","assurance":"","delivery":"01M864ZB0BDN9XH783M6S71A9Q","fence":1,"now":"staged","part":1,"parts":1,"reason":null,"sha256":"7cabecebab5b50e1ea73683095de81aa3b53797109e4b28951bc68b249724ca8","task":"T-3","was":"staging"}','18d876a52ffb6359138012e7dbac6ab3886f4eb09a98b1866f52f5020e22e5a0');
INSERT INTO "journal" VALUES(42,1795502877714,'DeliveryMoved','delivery:01M864ZB0BDN9XH783M6S71A9Q','hub','{"agent":"Agent-1","assurance":"","delivery":"01M864ZB0BDN9XH783M6S71A9Q","fence":1,"now":"submitting","part":1,"parts":1,"reason":null,"sha256":"7cabecebab5b50e1ea73683095de81aa3b53797109e4b28951bc68b249724ca8","task":"T-3","was":"staged"}','b47074c490ce3069def658f8575b8dec29e68cdd5511cf9ce63656befea92bad');
INSERT INTO "journal" VALUES(43,1795502877714,'DeliveryMoved','delivery:01M864ZB0BDN9XH783M6S71A9Q','hub','{"agent":"Agent-1","assurance":"","delivery":"01M864ZB0BDN9XH783M6S71A9Q","fence":1,"now":"sent","part":1,"parts":1,"reason":"dry_run","sha256":"7cabecebab5b50e1ea73683095de81aa3b53797109e4b28951bc68b249724ca8","task":"T-3","was":"submitting"}','c50e0296b410b102ff168e92daf4b7c8165f34f77b04a65cea030190bf197c32');
INSERT INTO "journal" VALUES(44,1795502877715,'TaskMoved','task:T-3','hub','{"agent":"Agent-1","fence":1,"now":"waiting","reason":"dry_run","task":"T-3","was":"delivering"}','8548d877f2788ae75eb149770d5c661cbf993627d4a3d41143cd521b49d1e179');
INSERT INTO "journal" VALUES(45,1795502877715,'AgentMoved','agent:Agent-1','hub','{"agent":"Agent-1","now":"idle","reason":null,"task":"","was":"busy"}','0cea4ff43fa300b8595a3c4dc6a35fba1f988840b7688dcdb1e09ec447c2e146');
INSERT INTO "journal" VALUES(46,1795502878278,'TaskMoved','task:T-3','operator','{"agent":"Agent-1","fence":1,"now":"cancelled","reason":null,"task":"T-3","was":"waiting"}','72433f261312e87bc5a029e9cd96efd94afa6790e9f1656839e80e804894b113');
INSERT INTO "journal" VALUES(47,1795502878891,'AgentMoved','agent:Agent-8','operator','{"agent":"Agent-8","now":"paused","reason":null,"task":"","was":"idle"}','204a13e85615447e1744c156f36019f0d33ebe366ff6f1c0041ec43e7cbfbca8');
INSERT INTO "journal" VALUES(48,1795502879845,'MessageStored','message:01M864ZD35QEA203R15QJS2GX9','operator','{"chars":15,"kind":"message","late":false,"message":"01M864ZD35QEA203R15QJS2GX9","recipient":"agent:Agent-2","sender":"operator","sha256":"60ffddb67f1da402392473f1d5c5461db1a33246972743e754f5ccf69972e906","task":""}','cf927c8d4b5ea3280e0b9a68c86859ff53f88a081590f71384215626fdc68231');
INSERT INTO "journal" VALUES(49,1795502879846,'DeliveryMoved','delivery:01M864ZD35TPTW80W40G624DGD','hub','{"agent":"Agent-2","assurance":"","delivery":"01M864ZD35TPTW80W40G624DGD","fence":0,"now":"queued","part":1,"parts":1,"reason":null,"sha256":"","task":"","was":""}','9c428cffe6b8279e2ae7f02eb0d5babbf0a38414ddd07957aa7b380be140061e');
INSERT INTO "journal" VALUES(50,1795502879855,'DeliveryMoved','delivery:01M864ZD35TPTW80W40G624DGD','hub','{"agent":"Agent-2","assurance":"","delivery":"01M864ZD35TPTW80W40G624DGD","fence":1,"now":"leased","part":1,"parts":1,"reason":null,"sha256":"09a3251b74c1db67f3b0966a7b99f081d171f72a57a3a61af9623710d2a87b9d","task":"","was":"queued"}','7c21f853cc276f45169843dca3b2fcae72d4323751c2067543d86922986631a9');
INSERT INTO "journal" VALUES(51,1795502879857,'DeliveryMoved','delivery:01M864ZD35TPTW80W40G624DGD','hub','{"agent":"Agent-2","assurance":"","delivery":"01M864ZD35TPTW80W40G624DGD","fence":1,"now":"staging","part":1,"parts":1,"reason":null,"sha256":"09a3251b74c1db67f3b0966a7b99f081d171f72a57a3a61af9623710d2a87b9d","task":"","was":"leased"}','a0fb449e1c86abae684f88808cfa7a8e0e9fca5cc8035fa7ab9e45b38102590e');
INSERT INTO "journal" VALUES(52,1795502879861,'DeliveryMoved','delivery:01M864ZD35TPTW80W40G624DGD','hub','{"agent":"Agent-2","assurance":"","delivery":"01M864ZD35TPTW80W40G624DGD","fence":1,"now":"staged","part":1,"parts":1,"reason":null,"sha256":"09a3251b74c1db67f3b0966a7b99f081d171f72a57a3a61af9623710d2a87b9d","task":"","was":"staging"}','c814549541c30a4ad422a83982776c9f713e4991f06aafb6277b69bc5c2081d0');
INSERT INTO "journal" VALUES(53,1795502879865,'DeliveryMoved','delivery:01M864ZD35TPTW80W40G624DGD','hub','{"agent":"Agent-2","assurance":"","delivery":"01M864ZD35TPTW80W40G624DGD","fence":1,"now":"submitting","part":1,"parts":1,"reason":null,"sha256":"09a3251b74c1db67f3b0966a7b99f081d171f72a57a3a61af9623710d2a87b9d","task":"","was":"staged"}','2412012258a79585d2dee8db90c52a783f721323f57a96f3f4cf5c6547d03559');
INSERT INTO "journal" VALUES(54,1795502879870,'DeliveryMoved','delivery:01M864ZD35TPTW80W40G624DGD','hub','{"agent":"Agent-2","assurance":"","delivery":"01M864ZD35TPTW80W40G624DGD","fence":1,"now":"sent","part":1,"parts":1,"reason":"dry_run","sha256":"09a3251b74c1db67f3b0966a7b99f081d171f72a57a3a61af9623710d2a87b9d","task":"","was":"submitting"}','06f7fcd4af7c793cf8279de401473a3c91c33477f271fe6b9dc4b8c72b38a5b2');
CREATE TABLE locks (id TEXT NOT NULL, desk TEXT NOT NULL, since_ms INTEGER NOT NULL, waiting INTEGER NOT NULL,
    over_ms INTEGER,
    CONSTRAINT pk_locks PRIMARY KEY (id));
CREATE TABLE mention_choices (person TEXT NOT NULL, mode TEXT NOT NULL, missed TEXT NOT NULL,
    place_channel TEXT NOT NULL, place_guild TEXT NOT NULL, since_ms INTEGER NOT NULL,
    CONSTRAINT pk_mention_choices PRIMARY KEY (person));
CREATE TABLE message_codes (hash TEXT NOT NULL, message TEXT NOT NULL, agent TEXT NOT NULL,
    expires_ms INTEGER NOT NULL,
    CONSTRAINT pk_message_codes PRIMARY KEY (hash));
INSERT INTO "message_codes" VALUES('ebef158c72ba2f6ec9282c28d489854838fff5d0db66cb31b272b5deb70b1f16','01M864ZD35QEA203R15QJS2GX9','Agent-2',1795589279854);
CREATE TABLE messages (id TEXT NOT NULL, kind TEXT NOT NULL, sender TEXT NOT NULL,
    sender_name TEXT DEFAULT '' NOT NULL, recipient TEXT NOT NULL, thread TEXT NOT NULL, task TEXT,
    supersedes TEXT, in_reply_to TEXT, idempotency_key TEXT, priority INTEGER NOT NULL, expires_at_ms INTEGER,
    source TEXT NOT NULL, marker TEXT NOT NULL, body TEXT NOT NULL, final BOOLEAN NOT NULL,
    late BOOLEAN NOT NULL, created_ms INTEGER NOT NULL, expired_ms INTEGER,
    CONSTRAINT pk_messages PRIMARY KEY (id),
    CONSTRAINT uq_messages_idempotency_key UNIQUE (idempotency_key));
INSERT INTO "messages" VALUES('01M864Z90P75W0VS82C6XV1MP9','task','hub','','agent:Agent-1','T-1','T-1',NULL,NULL,NULL,2,NULL,'operator','8papxnsj','Count the birds',0,0,1795502875670,NULL);
INSERT INTO "messages" VALUES('01M864Z9N6VZ285C0QCJ8FXV0Q','task','hub','','agent:Agent-1','T-2','T-2',NULL,NULL,NULL,0,NULL,'operator','skqp5swr','Count the bees',0,0,1795502876326,NULL);
INSERT INTO "messages" VALUES('01M864ZA80R7JJ08NCWQ16MR0K','reply','person:operator','','hub','T-1','T-1',NULL,NULL,NULL,2,NULL,'operator','','There were seven',1,0,1795502876928,NULL);
INSERT INTO "messages" VALUES('01M864ZB0B2SSGGMM0MHK3EDDE','task','hub','','agent:Agent-1','T-3','T-3',NULL,NULL,NULL,2,NULL,'operator','e7af7yjr','Count the trees',0,0,1795502877707,NULL);
INSERT INTO "messages" VALUES('01M864ZD35QEA203R15QJS2GX9','message','operator','operator','agent:Agent-2','01M864ZD35QEA203R15QJS2GX9',NULL,NULL,NULL,'send:http:9b1b36a9f8d9f4dfc62827a91edc9401',2,1795589279845,'operator','t3qved52','Look at the sky',0,0,1795502879845,NULL);
CREATE TABLE notices (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, task TEXT NOT NULL,
    message TEXT NOT NULL, text TEXT NOT NULL, place_channel TEXT NOT NULL, place_guild TEXT NOT NULL,
    state TEXT NOT NULL, revision INTEGER NOT NULL, posted_channel TEXT NOT NULL, posted_message TEXT NOT NULL,
    thread TEXT NOT NULL, attempts INTEGER NOT NULL, not_before_ms INTEGER NOT NULL, error TEXT NOT NULL,
    created_ms INTEGER NOT NULL, about TEXT DEFAULT '' NOT NULL);
INSERT INTO "notices" VALUES(1,'card','T-1','','','','','pending',9,'','','',0,0,'',1795502875658,'');
INSERT INTO "notices" VALUES(2,'card','T-2','','','','','pending',4,'','','',0,0,'',1795502876323,'');
INSERT INTO "notices" VALUES(3,'answer','T-1','01M864ZA80R7JJ08NCWQ16MR0K','','','','pending',1,'','','',0,0,'',1795502876929,'');
INSERT INTO "notices" VALUES(4,'ended','T-1','','','','','pending',1,'','','',0,0,'',1795502876930,'');
INSERT INTO "notices" VALUES(5,'card','T-3','','','','','pending',5,'','','',0,0,'',1795502877697,'');
INSERT INTO "notices" VALUES(6,'report','T-3','','cancelled by operator','','','pending',1,'','','',0,0,'',1795502878279,'');
INSERT INTO "notices" VALUES(7,'words','','01M864ZD35QEA203R15QJS2GX9','','','','pending',3,'','','',0,0,'',1795502879846,'');
CREATE TABLE people (id TEXT NOT NULL, name TEXT NOT NULL, role TEXT NOT NULL, since_ms INTEGER NOT NULL,
    CONSTRAINT pk_people PRIMARY KEY (id));
CREATE TABLE receipt_pictures (delivery TEXT NOT NULL, fence INTEGER NOT NULL, moment TEXT NOT NULL,
    part TEXT NOT NULL, png BLOB, sha256 TEXT NOT NULL, size INTEGER NOT NULL, place INTEGER NOT NULL,
    at_ms INTEGER NOT NULL, deleted_ms INTEGER,
    CONSTRAINT pk_receipt_pictures PRIMARY KEY (delivery, fence, moment, part),
    CONSTRAINT fk_receipt_pictures_delivery FOREIGN KEY(delivery, fence)
    REFERENCES receipts (delivery, fence) ON DELETE CASCADE);
CREATE TABLE receipts (delivery TEXT NOT NULL, fence INTEGER NOT NULL, state TEXT NOT NULL, assurance TEXT,
    reason TEXT NOT NULL, note TEXT NOT NULL, sha256 TEXT NOT NULL, timings TEXT NOT NULL,
    evidence TEXT DEFAULT '' NOT NULL, settled TEXT DEFAULT '' NOT NULL, settled_ms INTEGER,
    at_ms INTEGER NOT NULL,
    CONSTRAINT pk_receipts PRIMARY KEY (delivery, fence),
    CONSTRAINT fk_receipts_delivery FOREIGN KEY(delivery) REFERENCES deliveries (id));
INSERT INTO "receipts" VALUES('01M864Z90QASJBW333667QDKBQ',1,'sent',NULL,'dry_run','nothing was pressed anywhere','d6188d90008f84d774c649bb588b4202c245724d461f1d4241915a5423080c0b','{}','','',NULL,1795502875684);
INSERT INTO "receipts" VALUES('01M864Z9N7GNMSF43ZQRCHVF0H',1,'sent',NULL,'dry_run','nothing was pressed anywhere','7334e323dd17f456e3efbb40f5a90370d443b64b3f7b529292e96cd2c288d51a','{}','','',NULL,1795502876334);
INSERT INTO "receipts" VALUES('01M864ZB0BDN9XH783M6S71A9Q',1,'sent',NULL,'dry_run','nothing was pressed anywhere','7cabecebab5b50e1ea73683095de81aa3b53797109e4b28951bc68b249724ca8','{}','','',NULL,1795502877714);
INSERT INTO "receipts" VALUES('01M864ZD35TPTW80W40G624DGD',1,'sent',NULL,'dry_run','nothing was pressed anywhere','09a3251b74c1db67f3b0966a7b99f081d171f72a57a3a61af9623710d2a87b9d','{}','','',NULL,1795502879870);
CREATE TABLE rehearsals (desk TEXT NOT NULL, window TEXT NOT NULL, drafts TEXT NOT NULL,
    CONSTRAINT pk_rehearsals PRIMARY KEY (desk, window));
CREATE TABLE standstills (id TEXT NOT NULL, agent TEXT NOT NULL, desk TEXT NOT NULL, window TEXT NOT NULL,
    activity TEXT NOT NULL, mark TEXT NOT NULL, answers TEXT NOT NULL, text TEXT NOT NULL, png BLOB, task TEXT,
    press TEXT, ending TEXT NOT NULL, since_ms INTEGER NOT NULL,
    CONSTRAINT pk_standstills PRIMARY KEY (id));
CREATE TABLE task_codes (hash TEXT NOT NULL, task TEXT NOT NULL, fence INTEGER NOT NULL,
    agent TEXT DEFAULT '' NOT NULL,
    CONSTRAINT pk_task_codes PRIMARY KEY (hash));
INSERT INTO "task_codes" VALUES('8f267d35d38dcd6c10b1d95424ebe78f9575d4a9266d4b81aae96c7b399b2506','T-1',1,'Agent-1');
INSERT INTO "task_codes" VALUES('373ef38cdd6cf518be1230b9f4909fdd2c06aeff7ab96cc9619ddaec4b879dca','T-2',1,'Agent-1');
INSERT INTO "task_codes" VALUES('8c773127aa80874653d9d0f50a80a76201ae0471543fba6ef50e0722f86abaae','T-3',1,'Agent-1');
CREATE TABLE tasks (number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL, brief TEXT NOT NULL,
    source TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, note TEXT NOT NULL, cause TEXT NOT NULL,
    priority INTEGER NOT NULL, needs TEXT NOT NULL, wanted TEXT, agent TEXT, attempt INTEGER NOT NULL,
    fence INTEGER DEFAULT '0' NOT NULL, last_seen_ms INTEGER, activity TEXT, progress TEXT DEFAULT '' NOT NULL,
    deadline_ms INTEGER, nudge TEXT, avoids TEXT, requester TEXT NOT NULL, requester_name TEXT NOT NULL,
    place_channel TEXT NOT NULL, place_guild TEXT NOT NULL, idempotency_key TEXT, created_ms INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL, text_expired_ms INTEGER, again_of TEXT,
    CONSTRAINT uq_tasks_idempotency_key UNIQUE (idempotency_key));
INSERT INTO "tasks" VALUES(1,'Count the birds','Count the birds','operator','done','','','',2,'[]',NULL,'Agent-1',1,1,NULL,NULL,'',NULL,NULL,NULL,'operator','operator','','','http:44ccf37af9e2c7680175dfefb593f968',1795502875655,1795502876930,NULL,NULL);
INSERT INTO "tasks" VALUES(2,'Count the bees','Count the bees','operator','waiting','dry_run','nothing was pressed anywhere','',0,'[]',NULL,'Agent-1',1,1,NULL,NULL,'',NULL,NULL,NULL,'operator','operator','','','http:4382b5c128a1d147ce17bb047726ac19',1795502876323,1795502876334,NULL,NULL);
INSERT INTO "tasks" VALUES(3,'Count the trees','Count the trees','operator','cancelled','','','',2,'[]',NULL,'Agent-1',1,1,NULL,NULL,'',NULL,NULL,NULL,'operator','operator','','','http:6d8f56ae1b73162a5d2842257b7813f6',1795502877696,1795502878278,NULL,NULL);
CREATE INDEX ix_standstills_open ON standstills (agent) WHERE ending = '';
CREATE INDEX ix_standstills_told ON standstills (agent, mark);
CREATE INDEX ix_boards_channel ON boards (channel);
CREATE INDEX ix_messages_task ON messages (task, id);
CREATE INDEX ix_messages_text ON messages (created_ms) WHERE expired_ms IS NULL AND kind != 'control';
CREATE INDEX ix_notices_about ON notices (about) WHERE about != '';
CREATE INDEX ix_notices_dropped ON notices (state, created_ms) WHERE state = 'dropped';
CREATE INDEX ix_notices_due ON notices (state, not_before_ms);
CREATE INDEX ix_notices_message ON notices (message) WHERE message != '';
CREATE INDEX ix_notices_old ON notices (created_ms) WHERE kind != 'card';
CREATE INDEX ix_notices_state ON notices (state, id);
CREATE INDEX ix_notices_task ON notices (task);
CREATE INDEX ix_notices_thread ON notices (thread) WHERE thread != '';
CREATE INDEX ix_message_codes_agent ON message_codes (agent, expires_ms);
CREATE INDEX ix_message_codes_valid ON message_codes (expires_ms);
CREATE UNIQUE INDEX ix_locks_open ON locks (desk) WHERE over_ms IS NULL;
CREATE INDEX ix_tasks_deadline ON tasks (deadline_ms) WHERE deadline_ms IS NOT NULL;
CREATE INDEX ix_tasks_demand ON tasks (state, reason, wanted, needs, priority, number);
CREATE INDEX ix_tasks_held ON tasks (state, reason, note, cause, changed_ms, number)
    WHERE state IN ('waiting', 'parked', 'blocked');
CREATE INDEX ix_tasks_queue ON tasks (state, priority, number);
CREATE INDEX ix_tasks_state ON tasks (state, number);
CREATE INDEX ix_tasks_text ON tasks (created_ms) WHERE text_expired_ms IS NULL;
CREATE INDEX ix_deliveries_acts ON deliveries (agent, state) WHERE act IS NOT NULL;
CREATE INDEX ix_deliveries_drafts ON deliveries (desk, window) WHERE drafts != '[]';
CREATE INDEX ix_deliveries_message ON deliveries (message, id);
CREATE INDEX ix_deliveries_open ON deliveries (agent, id)
    WHERE state IN ('queued', 'leased', 'staging', 'staged', 'submitting', 'unknown');
CREATE INDEX ix_deliveries_state ON deliveries (state, id);
CREATE INDEX ix_deliveries_task ON deliveries (task, id);
CREATE INDEX ix_receipts_at ON receipts (at_ms);
CREATE INDEX ix_receipt_pictures_kept ON receipt_pictures (at_ms) WHERE png IS NOT NULL;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('tasks',3);
INSERT INTO "sqlite_sequence" VALUES('notices',7);
COMMIT;

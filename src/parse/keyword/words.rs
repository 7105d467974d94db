//! The keywords of the engines, as they list them themselves: `pg_get_keywords()` of PostgreSQL 15 to 18 and
//! `duckdb_keywords()` of DuckDB 1.5. Each word has a space on both sides.

/// No name of a relation and no alias without AS on either engine.
pub(super) const RESERVED: &str = " all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate \
     collation column concurrently constraint create cross default deferrable desc distinct do else end except \
     false fetch for foreign freeze from full group having ilike in initially inner intersect into is isnull join \
     lateral leading left like limit natural not notnull null offset on only or order outer overlaps placing \
     primary references returning right select similar some symmetric table tablesample then to trailing true \
     union unique using variadic verbose when where window with ";

/// Those of PostgreSQL alone.
pub(super) const RESERVED_BY_POSTGRES: &str = " current_catalog current_date current_role current_schema current_time current_timestamp current_user grant \
     localtime localtimestamp session_user system_user user ";

/// Those of DuckDB alone.
pub(super) const RESERVED_BY_DUCKDB: &str = " anti asof at by describe glob lambda pivot pivot_longer pivot_wider positional qualify semi show summarize \
     unpack unpivot ";

/// PostgreSQL's other keywords, which can be names.
pub(super) const OTHERS_OF_POSTGRES: &str = " abort absent absolute access action add admin after aggregate also alter always asensitive assertion \
     assignment at atomic attach attribute backward before begin between bigint bit boolean breadth by cache call \
     called cascade cascaded catalog chain char character characteristics checkpoint class close cluster coalesce \
     columns comment comments commit committed compression conditional configuration conflict connection \
     constraints content continue conversion copy cost csv cube current cursor cycle data database day deallocate \
     dec decimal declare defaults deferred definer delete delimiter delimiters depends depth detach dictionary \
     disable discard document domain double drop each empty enable encoding encrypted enforced enum error escape \
     event exclude excluding exclusive execute exists explain expression extension external extract family filter \
     finalize first float following force format forward function functions generated global granted greatest \
     grouping groups handler header hold hour identity if immediate immutable implicit import include including \
     increment indent index indexes inherit inherits inline inout input insensitive insert instead int integer \
     interval invoker isolation json json_array json_arrayagg json_exists json_object json_objectagg json_query \
     json_scalar json_serialize json_table json_value keep key keys label language large last leakproof least \
     level listen load local location lock locked logged mapping match matched materialized maxvalue merge \
     merge_action method minute minvalue mode month move name names national nchar nested new next nfc nfd nfkc \
     nfkd no none normalize normalized nothing notify nowait nullif nulls numeric object objects of off oids old \
     omit operator option options ordinality others out over overlay overriding owned owner parallel parameter \
     parser partial partition passing password path period plan plans policy position preceding precision prepare \
     prepared preserve prior privileges procedural procedure procedures program publication quote quotes range \
     read real reassign recheck recursive ref referencing refresh reindex relative release rename repeatable \
     replace replica reset restart restrict return returns revoke role rollback rollup routine routines row rows \
     rule savepoint scalar schema schemas scroll search second security sequence sequences serializable server \
     session set setof sets share show simple skip smallint snapshot source sql stable standalone start statement \
     statistics stdin stdout storage stored strict string strip subscription substring support sysid system \
     system_user tables tablespace target temp template temporary text ties time timestamp transaction transform \
     treat trigger trim truncate trusted type types uescape unbounded uncommitted unconditional unencrypted \
     unknown unlisten unlogged until update vacuum valid validate validator value values varchar varying version \
     view views virtual volatile whitespace within without work wrapper write xml xmlattributes xmlconcat \
     xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable year yes zone ";

/// DuckDB's other keywords, which can be names, but no column's alias without AS.
pub(super) const OTHERS_OF_DUCKDB: &str = " abort absolute access action add admin after aggregate also alter always assertion assignment attach \
     attribute backward before begin between bigint bit boolean cache call called cascade cascaded catalog \
     centuries century chain char character characteristics checkpoint class close cluster coalesce columns \
     comment comments commit committed compression configuration conflict connection constraints content continue \
     conversion copy cost csv cube current cursor cycle data database day days deallocate dec decade decades \
     decimal declare defaults deferred definer delete delimiter delimiters depends detach dictionary disable \
     discard document domain double drop each enable encoding encrypted enum error escape event exclude excluding \
     exclusive execute exists explain export export_state extension extensions external extract family filter \
     first float following force forward function functions generated global grant granted grouping grouping_id \
     groups handler header hold hour hours identity if ignore immediate immutable implicit import include \
     including increment index indexes inherit inherits inline inout input insensitive insert install instead int \
     integer interval invoker isolation json key label language large last leakproof level listen load local \
     location lock locked logged macro map mapping match matched materialized maxvalue merge method microsecond \
     microseconds millennia millennium millisecond milliseconds minute minutes minvalue mode month months move \
     name names national nchar new next no none nothing notify nowait nullif nulls numeric object of off oids old \
     operator option options ordinality others out over overlay overriding owned owner parallel parser partial \
     partition partitioned passing password percent persistent plans policy position pragma preceding precision \
     prepare prepared preserve prior privileges procedural procedure program publication quarter quarters quote \
     range read real reassign recheck recursive ref referencing refresh reindex relative release rename \
     repeatable replace replica reset respect restart restrict returns revoke role rollback rollup row rows rule \
     sample savepoint schema schemas scope scroll search second seconds secret security sequence sequences \
     serializable server session set setof sets share simple skip smallint snapshot sorted source sql stable \
     standalone start statement statistics stdin stdout storage stored strict strip struct subscription substring \
     sysid system tables tablespace target temp template temporary text ties time timestamp transaction transform \
     treat trigger trim truncate trusted try_cast type types unbounded uncommitted unencrypted unknown unlisten \
     unlogged until update use user vacuum valid validate validator value values varchar variable varying version \
     view views virtual volatile week weeks whitespace within without work wrapper write xml xmlattributes \
     xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable year \
     years yes zone ";

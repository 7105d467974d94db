select
    fruit_code,
    name,
    name_ja,
    unit,
    cast(price_yen as integer) as price_yen,
    origin,
    cast(season_from as integer) as season_from,
    cast(season_to as integer) as season_to,
    season_from is not null as is_seasonal
from raw.fruits

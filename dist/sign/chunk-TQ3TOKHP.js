export{c16_a as a,c16_b as b,c16_c as c,c16_d as d,c16_e as e,c16_f as f,c16_g as g,c16_h as h,c16_i as i,c16_j as j,c16_k as k,c16_l as l,c16_m as m,c16_n as n}from"../sign.js";
